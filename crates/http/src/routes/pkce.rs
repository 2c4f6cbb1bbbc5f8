//! Code flows that tools run by themselves, as the official clients know them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use usher_wire::{PKCE, PKCERedirect, SeededPKCE, TokenizedPKCE};

use super::{Answer, done, ok};
use crate::body::{FormOrJson, Json, NoBody};
use crate::callback;
use crate::caller::From;
use crate::router::App;

/// Begins a flow: what is hashed, and what comes back. It is remembered for ten minutes, the last 32 of them.
#[utoipa::path(get, path = "/pkce/challenge", tag = "pkce", operation_id = "get_challenge",
    responses((status = 200, description = "`challenge` is filled", body = PKCE),
        (status = 501, description = "there is no identity provider", body = String, content_type = "text/plain")))]
pub(crate) async fn get_challenge(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.get_challenge(&caller).await?)
}

/// Where the person signs in (`url`), for the flow of this state. Repeated, it tells the code (`result`) once it has come
/// back. Without a `redirect_uri` it comes back to the daemon.
#[utoipa::path(post, path = "/pkce/code", tag = "pkce", operation_id = "generate_code", request_body = SeededPKCE,
    responses((status = 200, description = "`seed` as it is asked, `url`, and `result` if it is there", body = PKCE),
        (status = 404, description = "no such flow", body = String, content_type = "text/plain"),
        (status = 409, description = "the flow was begun otherwise", body = String, content_type = "text/plain"),
        (status = 500, description = "the provider failed or refused", body = String, content_type = "text/plain"),
        (status = 501, description = "there is no identity provider", body = String, content_type = "text/plain")))]
pub(crate) async fn generate_code(
    State(app): State<App>,
    From(caller): From,
    Json(seed): Json<SeededPKCE>,
) -> Answer {
    ok(app.api.generate_code(&caller, seed).await?)
}

/// Takes the code the provider sent back, once: from the tool, or from the browser itself (`form_post`), which is only
/// shown a page.
#[utoipa::path(post, path = "/pkce/response/code", tag = "pkce", operation_id = "respond_with_code",
    request_body(content = PKCERedirect, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "`result` is filled", body = PKCE),
        (status = 404, description = "no flow has this state", body = String, content_type = "text/plain"),
        (status = 409, description = "the flow waits for no code", body = String, content_type = "text/plain"),
        (status = 500, description = "the provider failed or refused", body = String, content_type = "text/plain")))]
pub(crate) async fn respond_with_code(
    State(app): State<App>,
    From(caller): From,
    headers: HeaderMap,
    FormOrJson(redirect): FormOrJson<PKCERedirect>,
) -> Answer {
    let by_browser = callback::is_browser(&headers);
    let taken = app.api.respond_with_code(&caller, PKCERedirect { by_browser, ..redirect }).await;
    if by_browser {
        return Ok(callback::handed_on(&taken).into_response());
    }
    ok(taken?)
}

/// Exchanges the code for tokens, which ends the flow. Needs a registered application.
#[utoipa::path(post, path = "/pkce/token", tag = "pkce", operation_id = "generate_token", request_body = TokenizedPKCE,
    responses((status = 200, description = "`auth0`, or `descope`, has the tokens", body = PKCE),
        (status = 401, description = "not a registered application", body = String, content_type = "text/plain"),
        (status = 404, description = "no flow has this verifier", body = String, content_type = "text/plain"),
        (status = 409, description = "nobody was asked for a code", body = String, content_type = "text/plain"),
        (status = 500, description = "the provider failed or refused", body = String, content_type = "text/plain")))]
pub(crate) async fn generate_token(
    State(app): State<App>,
    From(caller): From,
    Json(token): Json<TokenizedPKCE>,
) -> Answer {
    ok(app.api.generate_token(&caller, token).await?)
}

/// Forgets the flows that the caller's application began.
#[utoipa::path(post, path = "/pkce/clear", tag = "pkce", operation_id = "clear_pkce",
    responses((status = 204, description = "they are forgotten")))]
pub(crate) async fn clear_pkce(State(app): State<App>, From(caller): From, _: NoBody) -> Answer {
    done(app.api.clear_pkce(&caller).await?)
}
