//! Health, version and status: what answers from the first moment on.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::Utf8Bytes;
use axum::http::HeaderValue;
use futures_util::{StreamExt, stream};
use tokio::time::interval;
use usher_wire::{PIECES_OS_VERSION, Status};

use super::{Answer, ok, text};
use crate::caller::From;
use crate::router::App;
use crate::stream::Upgrade;

/// How often the health stream speaks.
const HEALTH_EVERY: Duration = Duration::from_secs(30);

/// `ok`, with the uuid of this installation once it is known.
#[utoipa::path(get, path = "/.well-known/health", tag = "well-known", operation_id = "get_well_known_health",
    responses((status = 200, description = "the daemon is here", body = String, content_type = "text/plain")))]
pub(crate) async fn get_well_known_health(State(app): State<App>) -> Answer {
    text(app.api.about().os.map_or_else(|| "ok".to_owned(), |os| format!("ok:{os}")))
}

/// The version of Pieces OS this API is compatible with. The real version is in the header `Usher-Version`.
#[utoipa::path(get, path = "/.well-known/version", tag = "well-known", operation_id = "get_well_known_version",
    responses((status = 200, description = "a version the clients accept", body = String, content_type = "text/plain",
        headers(("Usher-Version" = String, description = "version of this software")))))]
pub(crate) async fn get_well_known_version(State(app): State<App>) -> Answer {
    let mut response = text(PIECES_OS_VERSION.to_owned())?;
    response.headers_mut().insert("usher-version", HeaderValue::from_static(app.api.about().version));
    Ok(response)
}

/// Health, live: `ok` at once and every 30 s. As a plain GET: `ok`.
#[utoipa::path(get, path = "/.well-known/stream/health", tag = "well-known", operation_id = "get_well_known_stream_health",
    responses((status = 101, description = "a WebSocket of `ok`"),
        (status = 200, description = "the daemon is here", body = String, content_type = "text/plain")))]
pub(crate) async fn get_well_known_stream_health(State(app): State<App>, upgrade: Option<Upgrade>) -> Answer {
    let Some(upgrade) = upgrade else { return text("ok".to_owned()) };
    let beats = stream::unfold(interval(HEALTH_EVERY), |mut beat| async {
        beat.tick().await;
        Some((Utf8Bytes::from_static("ok"), beat))
    });
    upgrade.serve(beats.boxed(), &app.streams)
}

/// How this installation is doing. Not part of the Pieces OS API.
#[utoipa::path(get, path = "/status", tag = "well-known", operation_id = "status",
    responses((status = 200, description = "its state", body = Status)))]
pub(crate) async fn status(State(app): State<App>, From(caller): From) -> Answer {
    let guard = app.guard.as_deref().cloned();
    ok(Status { guard, ..app.api.status(&caller).await? })
}
