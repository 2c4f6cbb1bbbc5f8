//! The current user: read, follow, select, clear, change.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::Utf8Bytes;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::StreamExt;
use serde::Deserialize;
use usher_wire::{
    Auth0User, Present, ProfileUpdate, ReturnedUserProfile, USER_STREAM_PROTOCOL, UserBetaStatus,
    UserLastCheckedInStreamOutput, UserProfile,
};
use utoipa::IntoParams;

use super::{Answer, done, encoded, ok, text};
use crate::body::{Json, MaybeJson, NoBody};
use crate::caller::From;
use crate::error::Failure;
use crate::router::App;
use crate::stream::{Changes, Upgrade};

/// What readers of the user may ask for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Types {
    /// `all` shows providers of every type; otherwise streams and
    /// clients of version 4.0.0 get only those that every client version can parse.
    types: Option<String>,
}

impl Types {
    fn all(&self) -> bool {
        self.types.as_deref() == Some("all")
    }
}

/// What readers of the stream of the user may say.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// With the sub-protocol `usher.v1`: the version of the state the reader has.
    since: Option<String>,
}

/// The current user in an envelope; `{}` when nobody is signed in. Answered from memory.
#[utoipa::path(get, path = "/user", tag = "user", operation_id = "user_snapshot", params(Types),
    responses((status = 200, description = "the current user", body = ReturnedUserProfile,
        headers(("ETag" = String, description = "generation and revision"))),
        (status = 304, description = "unchanged since the `If-None-Match` sent")))]
pub(crate) async fn user_snapshot(
    State(app): State<App>,
    From(caller): From,
    Query(types): Query<Types>,
    reader: Reader,
) -> Answer {
    let present = app.api.user_snapshot(&caller).await?;
    let etag = HeaderValue::from_str(&present.etag)
        .map_err(|_| Failure::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    let mut response = if reader.seen.is_some_and(|seen| matches_etag(&seen, &present.etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if reader.is_old && !types.all() {
        encoded(present.safe_envelope.clone())
    } else {
        encoded(present.envelope.clone())
    };
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// What a request says of its reader. Taken from the headers one by one: cloning them all would cost more than answering.
pub(crate) struct Reader {
    /// A client of version 4.0.0.
    is_old: bool,
    /// The version it has already.
    seen: Option<HeaderValue>,
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(header::USER_AGENT);
        Ok(Self {
            is_old: agent.is_some_and(|agent| agent == "OpenAPI-Generator/4.0.0/python"),
            seen: parts.headers.get(header::IF_NONE_MATCH).cloned(),
        })
    }
}

/// RFC 9110, 13.1.2: a list of tags, or `*`; weak and strong ones compare alike.
fn matches_etag(seen: &HeaderValue, etag: &str) -> bool {
    seen.to_str().is_ok_and(|seen| {
        seen.split(',').map(|tag| tag.trim()).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
    })
}

/// Signs the current user out of this device's tools. His account stays and can be selected again.
#[utoipa::path(post, path = "/user/clear", tag = "user", operation_id = "clear_user",
    responses((status = 204, description = "nobody is current")))]
pub(crate) async fn clear_user(State(app): State<App>, From(caller): From, _: NoBody) -> Answer {
    done(app.api.clear_user(&caller).await?)
}

/// Reads the user again from where he comes from. Safe to repeat.
#[utoipa::path(get, path = "/user/refresh", tag = "user", operation_id = "refresh_user",
    responses((status = 200, description = "the profile", body = UserProfile),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain")))]
pub(crate) async fn refresh_user(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.refresh_user(&caller).await?)
}

/// Makes an account current; without a body the one that was current last.
#[utoipa::path(post, path = "/user/select", tag = "user", operation_id = "select_user",
    request_body = Option<Auth0User>,
    responses((status = 200, description = "the profile that is now current", body = UserProfile),
        (status = 401, description = "the identity or its token is not valid here", body = String, content_type = "text/plain"),
        (status = 404, description = "there is no account to select", body = String, content_type = "text/plain"),
        (status = 409, description = "the user name is taken", body = String, content_type = "text/plain")))]
pub(crate) async fn select_user(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(user): MaybeJson<Auth0User>,
) -> Answer {
    ok(app.api.select_user(&caller, user).await?)
}

/// The current user, live. As WebSocket: the present state first (an empty text message when signed out), then one bare
/// profile for each change. A client that offers the sub-protocol `usher.v1` is sent what changed instead. As a plain GET:
/// the profile, or `null`.
#[utoipa::path(get, path = "/user/stream", tag = "user", operation_id = "stream_user", params(Types, Since),
    responses((status = 101, description = "a WebSocket of profiles, or of changes (`usher.v1`)"),
        (status = 200, description = "the profile, or null", body = Option<UserProfile>)))]
pub(crate) async fn stream_user(
    State(app): State<App>,
    From(caller): From,
    Query(types): Query<Types>,
    Query(Since { since }): Query<Since>,
    upgrade: Option<Upgrade>,
) -> Answer {
    let frame = if types.all() { Present::whole_frame } else { |present: &Present| present.frame.clone() };
    let Some(upgrade) = upgrade else {
        let present = app.api.user_snapshot(&caller).await?;
        let signed_out = Bytes::from_static(b"null");
        return Ok(encoded(if present.user.is_some() { frame(&present) } else { signed_out }));
    };
    let (upgrade, wants_changes) = upgrade.choose(USER_STREAM_PROTOCOL);
    let states = app.api.stream_user(&caller).await?;
    if wants_changes {
        let mut changes = Changes::new(Arc::clone(&app.streams.deltas), since);
        return upgrade.serve(states.map(move |present| changes.tell(present)).boxed(), &app.streams);
    }
    upgrade.serve(states.map(move |present| text_frame(frame(&present))).boxed(), &app.streams)
}

/// The shared bytes of a state; they come from a JSON encoder, so they are UTF-8.
fn text_frame(frame: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(frame).unwrap_or_default()
}

/// Merges an edit into the stored profile. Absent members stay, `null` empties, and what equals the state the edit was
/// based on is not meant as a change.
#[utoipa::path(post, path = "/user/update", tag = "user", operation_id = "update_user",
    request_body = ProfileUpdate,
    params(("If-Match" = Option<String>, Header, description = "the `ETag` the edit is based on"),
        ("Idempotency-Key" = Option<String>, Header, description = "tells this edit from every other of the caller's `Usher-Session`: a cloud takes the last one once, however often it is sent")),
    responses((status = 200, description = "the profile as it is now", body = UserProfile),
        (status = 404, description = "no such account", body = String, content_type = "text/plain"),
        (status = 409, description = "a name is taken, or the base is too old to merge", body = String, content_type = "text/plain")))]
pub(crate) async fn update_user(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(edit): MaybeJson<ProfileUpdate>,
) -> Answer {
    ok(app.api.update_user(&caller, edit.unwrap_or_default()).await?)
}

/// Opts in to or out of a beta; without a section it answers the present status.
#[utoipa::path(post, path = "/user/beta/status", tag = "user", operation_id = "user_beta_status",
    request_body = UserBetaStatus,
    responses((status = 200, description = "the status", body = UserBetaStatus),
        (status = 404, description = "no such account", body = String, content_type = "text/plain"),
        (status = 511, description = "nobody is signed in", body = String, content_type = "text/plain")))]
pub(crate) async fn user_beta_status(
    State(app): State<App>,
    From(caller): From,
    Json(status): Json<UserBetaStatus>,
) -> Answer {
    ok(app.api.user_beta_status(&caller, status).await?)
}

/// The user with his linked providers and their tokens.
#[utoipa::path(get, path = "/user/providers", tag = "user", operation_id = "user_providers",
    responses((status = 200, description = "the user", body = ReturnedUserProfile),
        (status = 401, description = "nobody is signed in, or the application is not registered", body = String, content_type = "text/plain"),
        (status = 501, description = "there is no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn user_providers(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.user_providers(&caller).await?)
}

/// Claims a name in DNS for the user's cloud.
#[utoipa::path(post, path = "/user/update/vanity", tag = "user", operation_id = "user_update_vanity",
    request_body = Option<ProfileUpdate>,
    responses((status = 200, description = "the profile with the name", body = UserProfile),
        (status = 404, description = "the record of the allocation is missing", body = String, content_type = "text/plain"),
        (status = 409, description = "the name is taken", body = String, content_type = "text/plain"),
        (status = 511, description = "signed out, or not connected to a cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn user_update_vanity(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(edit): MaybeJson<ProfileUpdate>,
) -> Answer {
    ok(app.api.user_update_vanity(&caller, edit.unwrap_or_default()).await?)
}

/// A raw access token with at least 60 s of life, for registered applications.
#[utoipa::path(get, path = "/user/access_token", tag = "user", operation_id = "user_access_token",
    responses((status = 200, description = "the token, bare", body = String, content_type = "text/plain"),
        (status = 401, description = "nobody is signed in, or the application is not registered", body = String, content_type = "text/plain"),
        (status = 501, description = "a local account has no token", body = String, content_type = "text/plain")))]
pub(crate) async fn user_access_token(State(app): State<App>, From(caller): From) -> Answer {
    let token = app.api.user_access_token(&caller).await?;
    let mut response = text(token.expose().to_owned())?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// When the user was last in step with the cloud, live: a message at once, after each change, and every 60 s.
#[utoipa::path(get, path = "/user/last_checked_in/stream", tag = "user", operation_id = "stream_user_last_checked_in",
    responses((status = 101, description = "a WebSocket of check-ins"),
        (status = 200, description = "the last check-in", body = UserLastCheckedInStreamOutput)))]
pub(crate) async fn stream_user_last_checked_in(
    State(app): State<App>,
    From(caller): From,
    upgrade: Option<Upgrade>,
) -> Answer {
    let mut check_ins = app.api.stream_user_last_checked_in(&caller).await?;
    let Some(upgrade) = upgrade else {
        let first = check_ins.next().await;
        return ok(first.ok_or_else(|| Failure::of_status(StatusCode::INTERNAL_SERVER_ERROR))?);
    };
    let frames = check_ins.map(|check_in| {
        Utf8Bytes::from(
            serde_json::to_string(&check_in).expect("a check-in has only string keys, so it encodes"),
        )
    });
    upgrade.serve(frames.boxed(), &app.streams)
}
