//! `/`: the page for the person at this machine. Made here whole, so it works without scripts; a small one keeps it up to
//! date. It knows the API as any handler does, through the trait, and is no part of it.

mod actions;
mod notices;
mod sign_in;
mod view;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;
use usher_wire::{
    Application, Caller, Code, Error, Issuer, Result, SessionStatus, SignIn, UserApi, UserProfile,
};

use crate::caller::From;
use crate::router::App;
use crate::routes::Answer;

pub(crate) use notices::Notices;

/// Everything the page needs is the daemon's own, nothing runs or styles in line, and nobody may frame it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; img-src data:; \
     base-uri 'none'; frame-ancestors 'none'",
);

const SWITCH: &str = "/page/switch";
const SIGN_OUT: &str = "/page/sign-out";
const REMOVE: &str = "/page/remove";
const LOCAL: &str = "/page/local";
const SIGN_IN: &str = "/page/sign-in";
const PASTE: &str = "/page/paste";
const CANCEL: &str = "/page/cancel";

/// Whether the page's own forms go there, and nothing else does.
pub(crate) fn is_action(path: &str) -> bool {
    [SWITCH, SIGN_OUT, REMOVE, LOCAL, SIGN_IN, PASTE, CANCEL].contains(&path)
}

/// The page, what it loads, and where its forms go.
pub(crate) fn router() -> Router<App> {
    let asset = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", get(index))
        .route("/page/style.css", asset("text/css; charset=utf-8", include_str!("page/style.css")))
        .route("/page/script.js", asset("text/javascript; charset=utf-8", include_str!("page/script.js")))
        .route(SWITCH, post(actions::switch))
        .route(SIGN_OUT, post(actions::sign_out))
        .route(REMOVE, post(actions::remove))
        .route(LOCAL, post(actions::local))
        .route(SIGN_IN, post(actions::sign_in))
        .route(PASTE, post(actions::paste))
        .route(CANCEL, post(actions::cancel))
}

/// Everything the page shows.
struct Now {
    user: Option<UserProfile>,
    /// The other accounts.
    others: Vec<UserProfile>,
    applications: Vec<Application>,
    issuers: Vec<Issuer>,
    session: Option<SessionStatus>,
    /// The last sign-in, running or ended.
    sign_in: Option<SignIn>,
}

async fn index(State(app): State<App>, From(caller): From, RawQuery(query): RawQuery) -> Answer {
    if caller.page.is_some() {
        let message = "this page is for a person: web pages use the API, see `/docs`";
        return Err(Error::new(Code::NotAllowed, message).into());
    }
    // Which notice is to be told, if it was not yet.
    let number = query.and_then(|query| query.strip_prefix("told=")?.parse().ok());
    let notice = number.and_then(|number| app.notices.take(number));
    let (status, html) = match look(&*app.api, &caller).await {
        Ok(now) => (StatusCode::OK, view::page(&now, notice.as_ref())),
        Err(error) if error.code == Code::NotReady => (StatusCode::SERVICE_UNAVAILABLE, view::starting()),
        Err(error) => {
            let status = StatusCode::from_u16(error.code.status());
            (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), view::failed(&error))
        }
    };
    Ok(answer(status, html))
}

/// Asks the API for all of it.
async fn look(api: &dyn UserApi, caller: &Caller) -> Result<Now> {
    let user = api.user_snapshot(caller).await?.user.clone();
    let current = user.as_ref().map(|user| user.id.as_str());
    let mut others = api.users_snapshot(caller).await?.iterable;
    others.retain(|other| Some(other.id.as_str()) != current);
    let status = api.status(caller).await?;
    let mut applications = api.applications_snapshot(caller).await?.iterable;
    // The first one is the daemon itself.
    applications.retain(|application| Some(&application.id) != status.os.as_ref());
    let sign_in = match &status.sign_in {
        Some(id) => Some(api.sign_in_snapshot(caller, id).await?),
        None => None,
    };
    let issuers = status.issuers.unwrap_or_default();
    Ok(Now { user, others, applications, issuers, session: status.session, sign_in })
}

fn answer(status: StatusCode, html: Markup) -> Response {
    const HEADERS: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // The forms of the page say by their `Origin` that they are its own.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, HEADERS, html.into_string()).into_response()
}
