//! Who asks, read from the headers of a request.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use usher_wire::{Caller, Secret};

use crate::guard::Visit;

/// Binds one caller to an account of the device.
const ACCOUNT: HeaderName = HeaderName::from_static("usher-account");

/// The sender of a request, as far as it says.
pub(crate) struct From(pub(crate) Caller);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let page = parts.extensions.get::<Visit>().map(|visit| visit.page.clone());
        Ok(Self(Caller { page, ..caller(&parts.headers) }))
    }
}

fn caller(headers: &HeaderMap) -> Caller {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Only of interest where a token says whose program it is.
    let of_bearer = |name: &str, most: usize| {
        let value = headers.contains_key(header::AUTHORIZATION).then(|| text(name)).flatten()?;
        Some(value.chars().take(most).collect::<String>())
    };
    Caller {
        application: application(headers).map(str::to_owned),
        bearer: text("authorization").and_then(bearer).map(|token| Secret::from(token.to_owned())),
        agent: of_bearer("user-agent", 200),
        session: of_bearer("usher-session", 64),
        idempotency_key: of_bearer("idempotency-key", 64).map(|key| key.trim_matches('"').to_owned()),
        seen: headers
            .get(header::IF_MATCH)
            // Any state will do (RFC 9110, 13.1.1).
            .filter(|value| *value != "*")
            // A version we cannot read is one we never gave: the default one, which no state ever has.
            .map(|value| value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or_default()),
        account: account(headers),
        page: None,
    }
}

/// The account the caller is bound to. Whatever stands there binds: what cannot be read names nobody, and so do several
/// lines, which are one value (RFC 9110, 5.3).
fn account(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(&ACCOUNT).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let first = lines.next()?.trim().to_owned();
    Some(lines.fold(first, |all, line| all + ", " + &line))
}

/// The application id: `application` is what the official wrappers send, `X-Application-ID` what the document names.
pub(crate) fn application(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get("x-application-id").or_else(|| headers.get("application"))?;
    header.to_str().ok()
}

/// Whether the sender shows a token.
pub(crate) fn has_bearer(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(bearer).is_some()
}

/// Generated TypeScript clients send the configured token as it is, without the scheme.
fn bearer(value: &str) -> Option<&str> {
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => return None,
        None => value.trim(),
    };
    (!token.is_empty()).then_some(token)
}
