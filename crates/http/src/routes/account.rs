//! What a person can see and end of his account. Not part of the Pieces OS API; answered by a cloud.

use axum::extract::{Path, State};
use usher_wire::{Deletion, UserExport, UserSessions};

use super::{Answer, ok};
use crate::body::NoBody;
use crate::caller::From;
use crate::router::App;

/// The devices and programs that came with tokens of the user.
#[utoipa::path(get, path = "/sessions", tag = "account", operation_id = "sessions_snapshot",
    responses((status = 200, description = "all of them", body = UserSessions),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 501, description = "a device answers for no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn sessions_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.sessions_snapshot(&caller).await?)
}

/// Ends one of them for good.
#[utoipa::path(post, path = "/sessions/{session}/revoke", tag = "account", operation_id = "revoke_session",
    params(("session" = String, Path, description = "id of the session")),
    responses((status = 200, description = "all of them", body = UserSessions),
        (status = 404, description = "there is no such session", body = String, content_type = "text/plain"),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 501, description = "a device answers for no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn revoke_session(
    State(app): State<App>,
    From(caller): From,
    Path(session): Path<String>,
    _: NoBody,
) -> Answer {
    ok(app.api.revoke_session(&caller, &session).await?)
}

/// Everything that is kept of the user, as one document.
#[utoipa::path(get, path = "/user/export", tag = "account", operation_id = "export_user",
    responses((status = 200, description = "everything", body = UserExport),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 501, description = "a device answers for no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn export_user(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.export_user(&caller).await?)
}

/// Deletes the account after a time in which signing in takes it back.
#[utoipa::path(post, path = "/user/delete", tag = "account", operation_id = "delete_user",
    responses((status = 200, description = "the receipt", body = Deletion),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 501, description = "a device answers for no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn delete_user(State(app): State<App>, From(caller): From, _: NoBody) -> Answer {
    ok(app.api.delete_user(&caller).await?)
}

/// What became of a request to delete.
#[utoipa::path(get, path = "/user/delete/{receipt}", tag = "account", operation_id = "deletion_snapshot",
    params(("receipt" = String, Path, description = "id of the receipt")),
    responses((status = 200, description = "the receipt", body = Deletion),
        (status = 404, description = "there is no such receipt", body = String, content_type = "text/plain"),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 501, description = "a device answers for no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn deletion_snapshot(
    State(app): State<App>,
    From(caller): From,
    Path(receipt): Path<String>,
) -> Answer {
    ok(app.api.deletion_snapshot(&caller, &receipt).await?)
}
