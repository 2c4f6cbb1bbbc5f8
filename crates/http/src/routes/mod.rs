//! Handlers, one file for each noun. A handler says who asks, what for, and what the answer looks like.

pub(crate) mod allocations;
pub(crate) mod applications;
pub(crate) mod billing;
pub(crate) mod entities;
pub(crate) mod user;
pub(crate) mod users;
pub(crate) mod well_known;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Failure;

/// What a handler answers: success as below, or a failure to be rendered.
pub(crate) type Answer<T = Response> = Result<T, Failure>;

/// 200 with a model as JSON.
pub(crate) fn ok<T: Serialize>(model: T) -> Answer {
    Ok(axum::Json(model).into_response())
}

/// 204.
pub(crate) fn done(_: ()) -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 200 with bare text: clients take it as it is, quotes and line ends included.
pub(crate) fn text(text: String) -> Answer {
    Ok(([(axum::http::header::CONTENT_TYPE, "text/plain")], text).into_response())
}
