//! Bodies of at most 1 MiB: JSON only, an empty one is none, and a wrong member is named by its path; and the forms of
//! the daemon's own page.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use usher_wire::{Code, Error};

use crate::error::Failure;

/// No body of this API comes near it.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// What an operation without a documented body takes: nothing, or JSON that it ignores.
pub(crate) type NoBody = MaybeJson<serde::de::IgnoredAny>;

/// A body that must be there.
pub(crate) struct Json<T>(pub(crate) T);

/// The fields of a form of the daemon's own page.
pub(crate) struct Form<T>(pub(crate) T);
/// A body that must be there, as a browser's form or as JSON.
pub(crate) struct FormOrJson<T>(pub(crate) T);

/// A body that may be absent.
pub(crate) struct MaybeJson<T>(pub(crate) Option<T>);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let MaybeJson(value) = MaybeJson::from_request(request, state).await?;
        value.map(Self).ok_or_else(|| Error::invalid_body("the body is missing: send a JSON object").into())
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormOrJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if !is_form_encoded(request.headers()) {
            return Json::from_request(request, state).await.map(|Json(value)| Self(value));
        }
        let form = timeout(BODY_WITHIN, axum::Form::from_request(request, state)).await;
        match form {
            Ok(Ok(axum::Form(value))) => Ok(Self(value)),
            // What it says could quote the code.
            Ok(Err(_)) | Err(_) => {
                Err(Error::invalid_body("the form is not as documented: send `code` and `state`").into())
            }
        }
    }
}

/// What a browser sends a form as, unless it holds files.
pub(crate) fn is_form_encoded(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let only = types.next().filter(|_| types.next().is_none()).and_then(|value| value.to_str().ok());
    let essence = only.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, bytes) = read(request).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        if !is_json(&parts.headers) {
            return Err(Failure::media_type());
        }
        parse(&bytes).map(|value| Self(Some(value))).map_err(Failure::from)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (parts, bytes) = read(request).await?;
        let request = Request::from_parts(parts, bytes.into());
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(value)) => Ok(Self(value)),
            Err(rejection) => Err(Failure::of_status(rejection.into_response().status())),
        }
    }
}

/// The whole body, within the limits.
async fn read(request: Request) -> Result<(Parts, Bytes), Failure> {
    let (parts, body) = request.into_parts();
    // Who asks first is refused by the announced length. Who already sends would take an early answer for a broken
    // connection, so his body is read up to the limit.
    let asks = parts.headers.contains_key(header::EXPECT);
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if asks && announced.is_some_and(|length: u64| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let bytes = timeout(BODY_WITHIN, axum::body::to_bytes(body, MAX_BODY))
        .await
        .map_err(|_| Failure::late("the body did not arrive in time: send it whole"))?
        .map_err(|error| unread(&error))?;
    Ok((parts, bytes))
}

/// `application/json` or `application/*+json`, in any case, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unread(error: &axum::Error) -> Failure {
    let is_too_large = std::error::Error::source(error)
        .is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
    if is_too_large { too_large() } else { Error::invalid_body("the body ended early: send it whole").into() }
}

fn too_large() -> Failure {
    Error::new(Code::TooLarge, "the body is larger than 1 MiB: send less").into()
}

/// What is wrong, without the text that stands there: a token in the wrong place is still a token.
fn unquoted(why: &str) -> String {
    for kind in ["invalid type: string", "invalid value: string"] {
        let rest = why.strip_prefix(kind).and_then(|rest| rest.rfind(", expected ").map(|at| &rest[at..]));
        if let Some(rest) = rest {
            return format!("{kind}{rest}");
        }
    }
    why.to_owned()
}

/// Parses quickly, and only a body that fails a second time to learn where.
fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Error> {
    // Checked whole: the parser itself skips what stands in members nobody knows.
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::invalid_body("the body is not JSON: it is no UTF-8 text"))?;
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let located: Result<T, _> = serde_path_to_error::deserialize(&mut deserializer);
    Err(match located {
        Ok(_) => Error::invalid_body("the body goes on after its JSON value: send one JSON object"),
        Err(error) if error.inner().is_data() => {
            let (path, inner) = (error.path().to_string(), error.inner());
            let place = if path == "." { "the body".to_owned() } else { format!("`{path}`") };
            Error::invalid_body(format!("{place} is not as documented: {}", unquoted(&inner.to_string())))
        }
        Err(error) => Error::invalid_body(format!("the body is not JSON: {}", error.inner())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_wrong_place_is_not_told() {
        let error = parse::<Vec<u8>>(&Bytes::from_static(br#"[1, "eyJ, expected nothing"]"#)).err().unwrap();
        assert_eq!(
            error.message,
            "`[1]` is not as documented: invalid type: string, expected u8 at line 1 column 27"
        );
        let error = parse::<Vec<char>>(&Bytes::from_static(br#"["eyJ"]"#)).err().unwrap();
        assert!(!error.message.contains("eyJ"), "{error}");
    }
}
