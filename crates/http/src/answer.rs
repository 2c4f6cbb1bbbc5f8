//! One request and its answer: the guard, the router, a limit of time, and what every answer carries.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use tower::Service;
use usher_wire::{Code, Error};

use crate::caller::has_bearer;
use crate::cors;
use crate::error::{Failure, render, wants_problem};
use crate::guard::{Guard, check_form};
use crate::panics::Caught;
use crate::server::Refusal;
use crate::watch;

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
    /// Where the connection comes from, if that matters.
    pub(crate) address: Option<IpAddr>,
}

/// The answer to a request, whatever happens.
pub(crate) async fn answer(
    desk: &Desk<'_>,
    mut request: Request<Incoming>,
    request_id: impl Fn() -> String,
) -> Response {
    let wants_problem = wants_problem(request.headers());
    // On the network people are known by their tokens alone (RFC 6750, 3).
    let challenge = desk.address.map(|_| match has_bearer(request.headers()) {
        true => "Bearer error=\"invalid_token\"",
        false => "Bearer",
    });
    let watch = desk.address.map(|_| watch::Request::begins(&request, request_id()));
    let admitted =
        desk.refusal.map_or_else(|| desk.guard.check(&request, desk.address), |refusal| Err(refusal.into()));
    let (response, page) = match admitted {
        Err(refusal) => (refusal.into_response(), None),
        Ok(Some(visit)) if cors::is_preflight(&request) => (cors::preflight(), Some(visit.page)),
        Ok(Some(visit)) => {
            let page = visit.page.clone();
            request.extensions_mut().insert(visit);
            (handle(desk.router, request.map(Body::new)).await, Some(page))
        }
        Ok(None) => (handle(desk.router, request.map(Body::new)).await, None),
    };
    let mut response =
        render(response, wants_problem, || watch.as_ref().map_or_else(&request_id, watch::Request::id));
    if let Some(challenge) = challenge.filter(|_| response.status() == StatusCode::UNAUTHORIZED) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    cors::protect(response.headers_mut());
    watch.iter().for_each(|watch| watch.ends(&mut response));
    if let Some(page) = &page {
        cors::share_with(page, response.headers_mut());
    }
    response
}

async fn handle(router: &Router, request: Request<Body>) -> Response {
    // Not a matter of the guard: the page that sends it may be welcome, and then it may read why it is refused.
    if let Err(refusal) = check_form(&request) {
        return refusal.into_response();
    }
    let within = if request.uri().path() == "/os/sign_in" { SIGN_IN_WITHIN } else { ANSWER_WITHIN };
    let mut router = router.clone();
    let handling = Caught(router.call(request));
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

#[cfg(test)]
mod tests {
    use axum::body::{Bytes, to_bytes};
    use axum::routing::post;
    use tokio::time::Instant;

    use super::*;

    /// How long a request to this path waits for a handler that never ends, and how it is answered.
    async fn waits(path: &str, handler: axum::routing::MethodRouter, body: Body) -> (u64, Response) {
        let router = Router::new().route(path, handler);
        let request = Request::post(path).body(body).unwrap();
        let start = Instant::now();
        let response = handle(&router, request).await;
        (start.elapsed().as_secs(), render(response, false, String::new))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_a_minute_and_a_sign_in_two() {
        for (path, seconds) in [("/user/select", 60), ("/os/sign_in", 120)] {
            let (waited, response) = waits(path, post(std::future::pending::<()>), Body::empty()).await;
            assert_eq!((waited, response.status().as_u16()), (seconds, 503), "{path}");
            assert_eq!(response.headers()["x-error-code"], "not_ready");
            let sentence = to_bytes(response.into_body(), 1024).await.unwrap();
            assert!(String::from_utf8_lossy(&sentence).ends_with("try again later"), "{sentence:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_half_a_minute_however_often_a_byte_comes() {
        let drops = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b" ")), ()))
        });
        let reads = post(|_: crate::body::MaybeJson<serde_json::Value>| async {});
        let (waited, response) = waits("/user/select", reads, Body::from_stream(drops)).await;
        assert_eq!((waited, response.status().as_u16()), (30, 408));
        assert_eq!(response.headers()["x-error-code"], "unreachable");
    }
}
