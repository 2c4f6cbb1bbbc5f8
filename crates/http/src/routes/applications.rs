//! Applications that introduce themselves.

use axum::extract::State;
use usher_wire::{Applications, Context, SeededConnectorConnection};

use super::{Answer, ok};
use crate::body::Json;
use crate::caller::From;
use crate::router::App;

/// Registers an application. The same name and descriptor always get the same id.
#[utoipa::path(post, path = "/connect", tag = "applications", operation_id = "connect",
    request_body = SeededConnectorConnection,
    responses((status = 200, description = "who you are, and who is signed in", body = Context)))]
pub(crate) async fn connect(
    State(app): State<App>,
    From(caller): From,
    Json(connection): Json<SeededConnectorConnection>,
) -> Answer {
    ok(app.api.connect(&caller, connection).await?)
}

/// The registered applications.
#[utoipa::path(get, path = "/applications", tag = "applications", operation_id = "applications_snapshot",
    responses((status = 200, description = "all of them", body = Applications)))]
pub(crate) async fn applications_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.applications_snapshot(&caller).await?)
}
