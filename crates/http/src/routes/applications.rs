//! Applications that introduce themselves.

use axum::extract::{Path, State};
use usher_wire::{Applications, Context, SeededConnectorConnection};

use super::{Answer, ok};
use crate::body::{Json, NoBody};
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

/// Keeps an application from reading tokens, also when it connects again. Not part of the Pieces OS API.
#[utoipa::path(post, path = "/applications/{application}/revoke", tag = "applications",
    operation_id = "revoke_application", params(("application" = String, Path, description = "id of the application")),
    responses((status = 200, description = "all of them", body = Applications),
        (status = 404, description = "there is no such application", body = String, content_type = "text/plain")))]
pub(crate) async fn revoke_application(
    State(app): State<App>,
    From(caller): From,
    Path(application): Path<String>,
    _: NoBody,
) -> Answer {
    ok(app.api.revoke_application(&caller, &application).await?)
}

/// Lets an application that was revoked read tokens again. Not part of the Pieces OS API.
#[utoipa::path(post, path = "/applications/{application}/restore", tag = "applications",
    operation_id = "restore_application", params(("application" = String, Path, description = "id of the application")),
    responses((status = 200, description = "all of them", body = Applications),
        (status = 404, description = "there is no such application", body = String, content_type = "text/plain")))]
pub(crate) async fn restore_application(
    State(app): State<App>,
    From(caller): From,
    Path(application): Path<String>,
    _: NoBody,
) -> Answer {
    ok(app.api.restore_application(&caller, &application).await?)
}
