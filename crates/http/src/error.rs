//! The one conversion of conditions to HTTP: a sentence as text, or RFC 9457 for who asks for it, with the stable code in
//! `X-Error-Code` and the request's id in `X-Request-Id`.

use axum::Json;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use usher_wire::{
    Code, Error, FeatureInput, HasFeatureAccessBadRequestError, HasFeatureAccessUnprocessableEntityError,
    Problem,
};

use crate::server::Refusal;
use crate::watch::Unseen;

/// A failed request on its way out. Becomes an answer in [`render`], which knows what the caller accepts.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    error: Error,
    status: StatusCode,
    /// What only the log is told.
    cause: Option<Box<str>>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.feature_input {
            Some(FeatureInput::ForeignContext { .. }) => 422,
            _ => error.code.status(),
        };
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            error,
            cause: None,
        }
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let (code, message, status) = match refusal {
            Refusal::Stranger => (
                Code::NotAllowed,
                "this daemon belongs to another user of this machine: start one of your own with `usher serve`",
                StatusCode::FORBIDDEN,
            ),
            Refusal::Full => (
                Code::TooManyRequests,
                "too many connections are open, all of them busy: close some and try again",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        };
        Self { error: Error::new(code, message), status, cause: None }
    }
}

impl Failure {
    /// 415: the body is of another type than JSON.
    pub(crate) fn media_type() -> Self {
        Self {
            error: Error::invalid_body("the body must be JSON: send `Content-Type: application/json`"),
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            cause: None,
        }
    }

    /// What a refusal of the framework itself (no such route, wrong method, an unreadable path) means.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let error = match status {
            StatusCode::NOT_FOUND => {
                Error::new(Code::NotFound, "there is no such path: see `/docs` for those there are")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Error::new(Code::NotAllowed, "the path does not take this method: see the `Allow` header")
            }
            StatusCode::UPGRADE_REQUIRED => {
                Error::new(Code::InvalidBody, "this is a WebSocket: connect with version 13 of the protocol")
            }
            _ if status.is_client_error() => {
                Error::invalid_body("the request cannot be read: check its path, headers and body")
            }
            _ => Error::new(Code::Internal, "the request failed inside the daemon: see its log"),
        };
        Self { error, status, cause: None }
    }

    /// A body that did not arrive in time: nothing is wrong with what the caller has to say, only with the way.
    pub(crate) fn late(why: &str) -> Self {
        Self { status: StatusCode::REQUEST_TIMEOUT, ..Error::new(Code::Unreachable, why).into() }
    }

    /// A handler that panicked, with where and why for the log.
    pub(crate) fn panicked(cause: String) -> Self {
        Self { cause: Some(cause.into()), ..Self::of_status(StatusCode::INTERNAL_SERVER_ERROR) }
    }
}

impl Failure {
    /// The same, as the model that `has_feature_access` documents for a body it cannot read.
    pub(crate) fn into_feature_input(mut self) -> Self {
        if self.status == StatusCode::BAD_REQUEST {
            self.error.feature_input = Some(FeatureInput::Bad("invalid_body"));
        }
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whether the caller wants errors as `application/problem+json`.
pub(crate) fn wants_problem(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/problem+json"))
}

/// Gives a failed answer its words; any other is left as it is.
pub(crate) fn render(
    mut response: Response,
    wants_problem: bool,
    request_id: impl FnOnce() -> String,
) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() || is_page(&response) {
        return response;
    }
    let failure = response
        .extensions_mut()
        .remove::<Failure>()
        .unwrap_or_else(|| Failure::of_status(response.status()));
    let request_id = request_id();
    if failure.error.code == Code::Internal {
        let cause = failure.cause.as_deref();
        tracing::error!(request.id = request_id, cause, message = failure.error.message, "request failed");
    }
    let mut rendered = body(&failure, wants_problem, &request_id);
    *rendered.status_mut() = failure.status;
    let headers = rendered.headers_mut();
    if failure.status == StatusCode::UPGRADE_REQUIRED {
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    if failure.status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    headers.insert("x-error-code", HeaderValue::from_static(failure.error.code.as_str()));
    headers.extend(
        HeaderValue::try_from(request_id)
            .ok()
            .map(|id| (header::HeaderName::from_static("x-request-id"), id)),
    );
    headers.extend(response.headers_mut().remove(header::ALLOW).map(|allow| (header::ALLOW, allow)));
    if let Some(route) = response.extensions_mut().remove::<MatchedPath>() {
        rendered.extensions_mut().insert(route);
    }
    if let Some(unseen) = response.extensions_mut().remove::<Unseen>() {
        rendered.extensions_mut().insert(unseen);
    }
    rendered
}

/// A page has its own words.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn body(failure: &Failure, wants_problem: bool, request_id: &str) -> Response {
    let Failure { error, status, .. } = failure;
    match &error.feature_input {
        Some(FeatureInput::Bad(code)) => Json(HasFeatureAccessBadRequestError {
            code: (*code).to_owned(),
            message: error.message.clone(),
            schema: None,
        })
        .into_response(),
        Some(FeatureInput::ForeignContext { expected, feature }) => {
            Json(HasFeatureAccessUnprocessableEntityError {
                expected_context_type: (*expected).to_owned(),
                feature: (*feature).to_owned(),
                message: error.message.clone(),
                schema: None,
            })
            .into_response()
        }
        None if wants_problem => {
            let problem = Problem {
                r#type: "about:blank".into(),
                title: error.code.as_str().replace('_', " "),
                status: status.as_u16(),
                detail: error.message.clone(),
                code: error.code.as_str().into(),
                request_id: request_id.to_owned(),
            };
            let mut response = Json(problem).into_response();
            let kind = HeaderValue::from_static("application/problem+json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        None => {
            let mut response = Response::new(Body::from(error.message.clone()));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            response
        }
    }
}
