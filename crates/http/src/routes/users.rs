//! The accounts of this device, signing in and out.

use axum::extract::{Path, State};
use usher_wire::{Code, Error, OAuthToken, UserProfile, Users};

use super::{Answer, ok};
use crate::body::{Json, NoBody};
use crate::caller::From;
use crate::router::App;

/// The accounts of this device, the one that was current last first.
#[utoipa::path(get, path = "/users", tag = "users", operation_id = "users_snapshot",
    responses((status = 200, description = "all of them", body = Users)))]
pub(crate) async fn users_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.users_snapshot(&caller).await?)
}

/// One account.
#[utoipa::path(get, path = "/users/{user}", tag = "users", operation_id = "users_specific_user_snapshot",
    params(("user" = String, Path, description = "id of the user")),
    responses((status = 200, description = "the profile", body = UserProfile),
        (status = 404, description = "no such account", body = String, content_type = "text/plain")))]
pub(crate) async fn users_specific_user_snapshot(
    State(app): State<App>,
    From(caller): From,
    Path(user): Path<String>,
) -> Answer {
    ok(app.api.users_specific_user_snapshot(&caller, &user).await?)
}

/// Removes an account from this device, with its data, and lists the rest.
#[utoipa::path(post, path = "/users/{user}/disconnect", tag = "users", operation_id = "users_disconnect_user",
    params(("user" = String, Path, description = "id of the user")),
    responses((status = 200, description = "the accounts that remain", body = Users),
        (status = 404, description = "no such account", body = String, content_type = "text/plain")))]
pub(crate) async fn users_disconnect_user(
    State(app): State<App>,
    From(caller): From,
    Path(user): Path<String>,
    _: NoBody,
) -> Answer {
    ok(app.api.users_disconnect_user(&caller, &user).await?)
}

/// Adds an account from an identity provider's token.
#[utoipa::path(post, path = "/users/authenticate/from_token", tag = "users",
    operation_id = "authenticate_from_oauth_token", request_body = OAuthToken,
    responses((status = 200, description = "the profile", body = UserProfile),
        (status = 401, description = "the token is not valid", body = String, content_type = "text/plain"),
        (status = 501, description = "there is no identity provider", body = String, content_type = "text/plain")))]
pub(crate) async fn authenticate_from_oauth_token(
    State(app): State<App>,
    From(caller): From,
    Json(token): Json<OAuthToken>,
) -> Answer {
    ok(app.api.authenticate_from_oauth_token(&caller, token).await?)
}

/// Waits until somebody is signed in, 108 s at most, and answers the profile; at once when somebody is.
#[utoipa::path(post, path = "/os/sign_in", tag = "users", operation_id = "sign_into_os",
    responses((status = 200, description = "the profile", body = UserProfile)))]
pub(crate) async fn sign_into_os(State(app): State<App>, From(caller): From, _: NoBody) -> Answer {
    tokio::select! {
        signed_in = app.api.sign_into_os(&caller) => ok(signed_in?),
        () = app.streams.closing.cancelled() => {
            Err(Error::new(Code::NotReady, "the daemon stops before anybody signed in: start it and try again").into())
        }
    }
}

/// Signs the current account out and lists the accounts of this device.
#[utoipa::path(post, path = "/os/sign_out", tag = "users", operation_id = "sign_out_of_os",
    responses((status = 200, description = "the accounts", body = Users)))]
pub(crate) async fn sign_out_of_os(State(app): State<App>, From(caller): From, _: NoBody) -> Answer {
    ok(app.api.sign_out_of_os(&caller).await?)
}
