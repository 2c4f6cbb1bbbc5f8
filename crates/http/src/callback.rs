//! Where an identity provider sends the browser back to: `/sign-in/callback`, and `/pkce/response/code` as a form. The
//! answer is a page for a person: it says in words what became of the sign-in, and can be closed.

use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use usher_wire::{Caller, Error, PKCE, Secret, SignIn, SignInRedirect, SignInStateEnum};

use crate::body::is_form_encoded;
use crate::router::App;

const PATH: &str = "/sign-in/callback";
const FORM_PATH: &str = "/pkce/response/code";
/// How long the page waits for the end, which it only tells.
const TELLS_WITHIN: Duration = Duration::from_secs(45);

/// Whether a browser comes back from somewhere, as a page of its own: not as a picture, a frame or a script's request.
pub(crate) fn is_callback<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && request.uri().path() == PATH && navigates(request.headers())
}

/// The same with a form (OAuth 2.0 Form Post Response Mode). Its `Origin` is the provider's, or `null`; what protects it
/// is the state among its members.
pub(crate) fn is_form_post<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST
        && request.uri().path() == FORM_PATH
        && is_form_encoded(request.headers())
        && navigates(request.headers())
}

/// Whether a request goes where forms are taken, with a method for which nothing is there: the router says so.
pub(crate) fn is_other_method<B>(request: &Request<B>) -> bool {
    request.method() != Method::POST && request.uri().path() == FORM_PATH
}

/// Whether a browser goes to a page, as far as it says. All its words count: nobody may add a better one.
fn navigates(headers: &HeaderMap) -> bool {
    let all = |name: &str, word: &str| headers.get_all(name).iter().all(|value| value == word);
    all("sec-fetch-dest", "document") && all("sec-fetch-mode", "navigate")
}

/// Whether the request is a browser's, which must not be told what is for the tool.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    ["origin", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// What the browser shows when a tool's code has come back through it.
pub(crate) fn handed_on(taken: &Result<PKCE, Error>) -> Response {
    match taken {
        Ok(_) => page(StatusCode::OK, "You can go back", "The program that sent you here goes on by itself."),
        Err(error) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            page(status, "Nothing to do here", &format!("{error}."))
        }
    }
}

/// The page.
pub(crate) fn router() -> Router<App> {
    Router::new().route(PATH, get(callback))
}

async fn callback(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let outcome = match tokio::time::timeout(TELLS_WITHIN, finish(&app, &query)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            return page(
                StatusCode::OK,
                "Signing in goes on",
                "It takes longer than usual. You can close this page.",
            );
        }
    };
    match outcome {
        Ok(end) => told(&end),
        Err(error) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let why = "This page belongs to no sign-in that is going on: it may have been used before, or the sign-in \
                       was ended. Nothing was changed. Start the sign-in again where you began it.";
            page(status, "Nothing to do here", why)
        }
    }
}

/// Hands the address over and waits for the end. The sign-in is named in the state, whose rest only it knows.
async fn finish(app: &App, query: &str) -> Result<SignIn, Error> {
    let caller = Caller::default();
    let state = form(query, "state").unwrap_or_default();
    let id = state.split('.').next().unwrap_or_default();
    let url = Secret::from(format!("http://127.0.0.1{PATH}?{query}"));
    let mut now = app.api.paste_into_sign_in(&caller, id, SignInRedirect { url }).await?;
    let mut states = app.api.stream_sign_in(&caller, id).await?;
    while let Some(state) = states.next().await {
        now = state;
    }
    Ok(now)
}

/// A member of a query; ours hold nothing that is percent-encoded in the part we read.
fn form<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn told(end: &SignIn) -> Response {
    let why = end.failure.as_ref().map(ToString::to_string).unwrap_or_default();
    match end.state {
        SignInStateEnum::Done => {
            page(StatusCode::OK, "You are signed in", "You can close this page and go back to your work.")
        }
        SignInStateEnum::Cancelled => {
            page(StatusCode::OK, "You are not signed in", &format!("The sign-in was cancelled: {why}."))
        }
        _ => page(StatusCode::OK, "You are not signed in", &format!("The sign-in failed: {why}.")),
    }
}

/// A page that loads nothing, leads to the page `/` only, is kept nowhere and tells no other site where it was.
fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let (title, text) = (crate::docs::escape(title), crate::docs::escape(text));
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{}</style><main><h1>{title}</h1><p>{text}</p><p><a href=\"/\">Who is signed in</a></p></main></html>",
        crate::docs::STYLE
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (status, headers, Html(html)).into_response()
}
