//! Cross-origin resource sharing (the Fetch standard, 3.3) for pages the guard let in: exactly their origin, never a
//! wildcard, never with cookies.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use usher_wire::Page;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, application, authorization, content-type, if-match, if-none-match, usher-account, x-application-id",
);
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, usher-version, x-error-code, x-request-id");
/// How long a browser may remember a preflight, in seconds: a decision that is taken back is felt soon.
const MAX_AGE: HeaderValue = HeaderValue::from_static("60");

/// Whether a browser asks if a page may send what it is about to send.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight of a page that may call.
pub(crate) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// Lets the page read this answer, errors included.
pub(crate) fn share_with(page: &Page, headers: &mut HeaderMap) {
    if let Ok(origin) = HeaderValue::from_str(&page.origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

/// What every answer says to browsers: take it as the type it has, show it to nobody else, keep no copy.
pub(crate) fn protect(headers: &mut HeaderMap) {
    const FIXED: [(HeaderName, HeaderValue); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Whether a page is told at all depends on its origin.
        (header::VARY, HeaderValue::from_static("origin")),
    ];
    for (name, value) in FIXED {
        // With `no-referrer` a page's own forms would come without their origin, so the page that has some says another.
        if name != header::REFERRER_POLICY || !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
}
