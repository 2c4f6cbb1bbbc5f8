//! Conditions an operation can end in: one enum of stable codes, one error type. How they look in HTTP is the
//! business of the `http` room.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The machine word of a failure: stable, sent as `X-Error-Code`, matched by clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Nobody is signed in, or the bearer is not valid.
    NotSignedIn,
    /// The caller has not registered itself as an application (`POST /connect`).
    NotRegistered,
    /// The caller may know of the object but not do this to it.
    NotAllowed,
    /// There is no such object, or the caller may not know of it.
    NotFound,
    /// The body is missing, malformed, or a member has the wrong type.
    InvalidBody,
    /// A member has the right type and a value outside its limits.
    InvalidValue,
    /// The unique name belongs to somebody else.
    Taken,
    /// The caller's copy is too old to be merged: read again and retry. Or it is bound to a name of several accounts.
    Conflict,
    /// The operation needs a signed-in user with a connection to a cloud.
    NotConnected,
    /// The daemon is starting; try again in a moment.
    NotReady,
    /// This installation has no service that could do it.
    NotAvailableHere,
    /// The daemon or the cloud could not be reached.
    Unreachable,
    /// A service behind this one answered with an error.
    UpstreamFailed,
    /// The body or a header is larger than allowed.
    TooLarge,
    /// The caller is over its limits.
    TooManyRequests,
    /// A fault of the service itself; nothing was changed.
    Internal,
}

impl Code {
    /// The word as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::NotSignedIn => "not_signed_in",
            Code::NotRegistered => "not_registered",
            Code::NotAllowed => "not_allowed",
            Code::NotFound => "not_found",
            Code::InvalidBody => "invalid_body",
            Code::InvalidValue => "invalid_value",
            Code::Taken => "taken",
            Code::Conflict => "conflict",
            Code::NotConnected => "not_connected",
            Code::NotReady => "not_ready",
            Code::NotAvailableHere => "not_available_here",
            Code::Unreachable => "unreachable",
            Code::UpstreamFailed => "upstream_failed",
            Code::TooLarge => "too_large",
            Code::TooManyRequests => "too_many_requests",
            Code::Internal => "internal",
        }
    }

    /// The HTTP status this condition is answered with.
    pub fn status(self) -> u16 {
        match self {
            Code::InvalidBody | Code::InvalidValue => 400,
            Code::NotSignedIn | Code::NotRegistered => 401,
            Code::NotAllowed => 403,
            Code::NotFound => 404,
            Code::Taken | Code::Conflict => 409,
            Code::TooLarge => 413,
            Code::TooManyRequests => 429,
            Code::Internal | Code::Unreachable | Code::UpstreamFailed => 500,
            Code::NotAvailableHere => 501,
            Code::NotReady => 503,
            Code::NotConnected => 511,
        }
    }

    /// The code for a word on the wire; `None` for a word this version does not know.
    pub fn parse(word: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::from(word)).ok()
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What `has_feature_access` says about an input it cannot judge, beside the plain message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureInput {
    /// 400: the stable word of `HasFeatureAccessBadRequestError.code`.
    Bad(&'static str),
    /// 422: the context belongs to another feature.
    ForeignContext {
        /// Wire name of the member the feature takes; `none` for plain toggles.
        expected: &'static str,
        /// Wire name of the feature asked for.
        feature: &'static str,
    },
}

/// Why an operation did not happen. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The condition.
    pub code: Code,
    /// One sentence for a person, with the next step.
    pub message: String,
    /// The request it belongs to, when it came over HTTP.
    pub request_id: Option<String>,
    /// Whether the code was concluded from a status that nothing explained: what answered may be something in between.
    pub is_guess: bool,
    /// Set when the answer is one of the two models of `has_feature_access`.
    pub feature_input: Option<FeatureInput>,
}

impl Error {
    /// An error of this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), request_id: None, is_guess: false, feature_input: None }
    }

    /// 401: nobody is signed in on this device.
    pub fn not_signed_in() -> Self {
        Self::new(Code::NotSignedIn, "nobody is signed in: run `usher login` and try again")
    }

    /// 404 for `what` (an object with its id, as the caller named it).
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no {what}: list what exists and try again"))
    }

    /// 501: this installation has no service for it; `message` says which and what to do.
    pub fn not_available_here(message: impl Into<String>) -> Self {
        Self::new(Code::NotAvailableHere, message)
    }

    /// 400 naming the member at `path`.
    pub fn invalid_value(path: &str, rule: impl std::fmt::Display) -> Self {
        Self::new(Code::InvalidValue, format!("`{path}` {rule}"))
    }

    /// 400 for a body that cannot be read.
    pub fn invalid_body(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidBody, message)
    }

    /// Whether the condition is "no such object".
    pub fn is_not_found(&self) -> bool {
        self.code == Code::NotFound
    }
}

/// The answer of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The JSON shape of an error for callers that accept `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the code tells the kind.
    pub r#type: String,
    /// The code in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// One sentence with the next step.
    pub detail: String,
    /// The stable machine word.
    pub code: String,
    /// The id that is also in `X-Request-Id`.
    #[serde(rename = "requestId")]
    pub request_id: String,
}
