//! One request and its answer: the guard, the router, a limit of time, and what every answer carries.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use tower::Service;
use usher_wire::{Code, Error};

use crate::cors;
use crate::error::{Failure, render, wants_problem};
use crate::guard::{Guard, is_form};
use crate::panics::Caught;
use crate::server::Refusal;

/// How long a request may take that waits for no person.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// The same for one that waits for somebody to sign in; the operation itself gives up before that.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(120);

/// Where the requests of a connection are answered.
pub(crate) struct Desk<'a> {
    pub(crate) router: &'a Router,
    pub(crate) guard: &'a Guard,
    /// Why none is.
    pub(crate) refusal: Option<&'static Refusal>,
}

/// The answer to a request, whatever happens.
pub(crate) async fn answer(
    desk: &Desk<'_>,
    mut request: Request<Incoming>,
    request_id: impl FnOnce() -> String,
) -> Response {
    let wants_problem = wants_problem(request.headers());
    let admitted = desk.refusal.map_or_else(|| desk.guard.check(&request), |refusal| Err(refusal.into()));
    let (response, page) = match admitted {
        Err(refusal) => (refusal.into_response(), None),
        Ok(Some(visit)) if cors::is_preflight(&request) => (cors::preflight(), Some(visit.page)),
        Ok(Some(visit)) => {
            let page = visit.page.clone();
            request.extensions_mut().insert(visit);
            (handle(desk.router, request).await, Some(page))
        }
        Ok(None) => (handle(desk.router, request).await, None),
    };
    let mut response = render(response, wants_problem, request_id);
    cors::protect(response.headers_mut());
    if let Some(page) = &page {
        cors::share_with(page, response.headers_mut());
    }
    response
}

async fn handle(router: &Router, request: Request<Incoming>) -> Response {
    // Not a matter of the guard: the page that sends it may be welcome, and then it may read why it is refused.
    if is_form(&request) {
        return Failure::media_type().into_response();
    }
    let within = if request.uri().path() == "/os/sign_in" { SIGN_IN_WITHIN } else { ANSWER_WITHIN };
    let mut router = router.clone();
    let handling = Caught(router.call(request.map(Body::new)));
    let failure = match tokio::time::timeout(within, handling).await {
        Ok(Ok(Ok(response))) => return response,
        Ok(Err(panic)) => Failure::panicked(panic),
        Err(_) => Error::new(
            Code::NotReady,
            format!("the request was not done within {} s: try again later", within.as_secs()),
        )
        .into(),
    };
    failure.into_response()
}
