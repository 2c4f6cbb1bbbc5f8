//! Whom this device trusts. Not part of the Pieces OS API; refused to foreign web pages, approved ones included.

use axum::extract::State;
use usher_wire::{Audit, Origin, OriginDecision, Origins};

use super::{Answer, ok};
use crate::body::Json;
use crate::caller::From;
use crate::router::App;

/// The origins whose pages were refused, and those that are decided on.
#[utoipa::path(get, path = "/origins", tag = "trust", operation_id = "origins_snapshot",
    responses((status = 200, description = "all of them", body = Origins)))]
pub(crate) async fn origins_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.origins_snapshot(&caller).await?)
}

/// Lets pages of one origin call this device, or keeps them out.
#[utoipa::path(post, path = "/origins", tag = "trust", operation_id = "decide_origin", request_body = OriginDecision,
    responses((status = 200, description = "the origin as decided", body = Origin)))]
pub(crate) async fn decide_origin(
    State(app): State<App>,
    From(caller): From,
    Json(decision): Json<OriginDecision>,
) -> Answer {
    ok(app.api.decide_origin(&caller, decision).await?)
}

/// Who read a token, signed in, changed what is trusted: the latest first.
#[utoipa::path(get, path = "/audit", tag = "trust", operation_id = "audit_snapshot",
    responses((status = 200, description = "the record", body = Audit)))]
pub(crate) async fn audit_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.audit_snapshot(&caller).await?)
}
