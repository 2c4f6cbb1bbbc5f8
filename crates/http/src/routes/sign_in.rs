//! Signing in with an identity provider: a job that is started or joined, watched, helped along and ended. Not part of
//! the Pieces OS API.

use axum::extract::ws::Utf8Bytes;
use axum::extract::{Path, State};
use futures_util::StreamExt;
use usher_wire::{SignIn, SignInRedirect, SignInRequest};

use super::{Answer, ok};
use crate::body::{Json, MaybeJson, NoBody};
use crate::caller::From;
use crate::router::App;
use crate::stream::Upgrade;

/// Starts a sign-in with an identity provider, or joins the one that runs. One by another method or with another provider
/// is ended for it. Answers when there is an address to show, or when it has failed.
#[utoipa::path(post, path = "/sign-in", tag = "sign-in", operation_id = "start_sign_in",
    request_body = Option<SignInRequest>,
    responses((status = 200, description = "where it stands", body = SignIn),
        (status = 501, description = "there is no identity provider", body = String, content_type = "text/plain")))]
pub(crate) async fn start_sign_in(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(request): MaybeJson<SignInRequest>,
) -> Answer {
    ok(app.api.start_sign_in(&caller, request.unwrap_or_default()).await?)
}

/// Where a sign-in stands. The last ones are remembered until the daemon stops.
#[utoipa::path(get, path = "/sign-in/{sign_in}", tag = "sign-in", operation_id = "sign_in_snapshot",
    params(("sign_in" = String, Path, description = "id of the sign-in")),
    responses((status = 200, description = "where it stands", body = SignIn),
        (status = 404, description = "no such sign-in", body = String, content_type = "text/plain")))]
pub(crate) async fn sign_in_snapshot(
    State(app): State<App>,
    From(caller): From,
    Path(sign_in): Path<String>,
) -> Answer {
    ok(app.api.sign_in_snapshot(&caller, &sign_in).await?)
}

/// A sign-in, live: where it stands at once, then each change; closed after its end. As a plain GET: where it stands.
#[utoipa::path(get, path = "/sign-in/{sign_in}/stream", tag = "sign-in", operation_id = "stream_sign_in",
    params(("sign_in" = String, Path, description = "id of the sign-in")),
    responses((status = 101, description = "a WebSocket of the states"),
        (status = 200, description = "where it stands", body = SignIn),
        (status = 404, description = "no such sign-in", body = String, content_type = "text/plain")))]
pub(crate) async fn stream_sign_in(
    State(app): State<App>,
    From(caller): From,
    Path(sign_in): Path<String>,
    upgrade: Option<Upgrade>,
) -> Answer {
    let Some(upgrade) = upgrade else { return ok(app.api.sign_in_snapshot(&caller, &sign_in).await?) };
    let states = app.api.stream_sign_in(&caller, &sign_in).await?;
    let frames =
        states.filter_map(|state| async move { serde_json::to_string(&state).ok().map(Utf8Bytes::from) });
    upgrade.serve(frames.boxed(), &app.streams)
}

/// Goes on with the address the identity provider sent the browser to, where that could not reach the daemon.
#[utoipa::path(post, path = "/sign-in/{sign_in}/paste", tag = "sign-in", operation_id = "paste_into_sign_in",
    params(("sign_in" = String, Path, description = "id of the sign-in")), request_body = SignInRedirect,
    responses((status = 200, description = "where it stands", body = SignIn),
        (status = 404, description = "no such sign-in", body = String, content_type = "text/plain"),
        (status = 409, description = "it waits for no address", body = String, content_type = "text/plain")))]
pub(crate) async fn paste_into_sign_in(
    State(app): State<App>,
    From(caller): From,
    Path(sign_in): Path<String>,
    Json(redirect): Json<SignInRedirect>,
) -> Answer {
    ok(app.api.paste_into_sign_in(&caller, &sign_in, redirect).await?)
}

/// Ends a sign-in. One that has ended stays as it ended.
#[utoipa::path(post, path = "/sign-in/{sign_in}/cancel", tag = "sign-in", operation_id = "cancel_sign_in",
    params(("sign_in" = String, Path, description = "id of the sign-in")),
    responses((status = 200, description = "where it stands", body = SignIn),
        (status = 404, description = "no such sign-in", body = String, content_type = "text/plain")))]
pub(crate) async fn cancel_sign_in(
    State(app): State<App>,
    From(caller): From,
    Path(sign_in): Path<String>,
    _: NoBody,
) -> Answer {
    ok(app.api.cancel_sign_in(&caller, &sign_in).await?)
}

/// The same as `cancel_sign_in`.
#[utoipa::path(delete, path = "/sign-in/{sign_in}", tag = "sign-in", operation_id = "delete_sign_in",
    params(("sign_in" = String, Path, description = "id of the sign-in")),
    responses((status = 200, description = "where it stands", body = SignIn),
        (status = 404, description = "no such sign-in", body = String, content_type = "text/plain")))]
pub(crate) async fn delete_sign_in(
    State(app): State<App>,
    From(caller): From,
    Path(sign_in): Path<String>,
    _: NoBody,
) -> Answer {
    ok(app.api.cancel_sign_in(&caller, &sign_in).await?)
}
