//! Handlers, one file for each noun. A handler says who asks, what for, and what the answer looks like.

pub(crate) mod account;
pub(crate) mod allocations;
pub(crate) mod applications;
pub(crate) mod billing;
pub(crate) mod entities;
pub(crate) mod pkce;
pub(crate) mod sign_in;
pub(crate) mod trust;
pub(crate) mod user;
pub(crate) mod users;
pub(crate) mod well_known;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Failure;

/// What a handler answers: success as below, or a failure to be rendered.
pub(crate) type Answer<T = Response> = Result<T, Failure>;

/// 200 with a model as JSON. Begins with room for a profile; growing from nothing costs more than encoding.
pub(crate) fn ok<T: Serialize>(model: T) -> Answer {
    let mut json = Vec::with_capacity(2048);
    serde_json::to_writer(&mut json, &model)
        .expect("the models have only string keys, so they always encode");
    Ok(encoded(Bytes::from(json)))
}

/// 200 with JSON that is already encoded.
pub(crate) fn encoded(json: Bytes) -> Response {
    let mut response = Response::new(Body::from(json));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 204.
pub(crate) fn done(_: ()) -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 200 with bare text: clients take it as it is, quotes and line ends included.
pub(crate) fn text(text: String) -> Answer {
    Ok(([(header::CONTENT_TYPE, "text/plain")], text).into_response())
}
