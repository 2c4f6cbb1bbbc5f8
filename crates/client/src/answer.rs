//! An answer: checked for errors in each of their forms, then read as a model or as text.

use std::str::FromStr;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap};
use serde::de::DeserializeOwned;
use usher_wire::{
    FeatureInput, HasFeatureAccessBadRequestError, HasFeatureAccessEnum,
    HasFeatureAccessUnprocessableEntityError, Problem,
};

use crate::{Code, Error, Result, Version};

/// Longer texts are no message for a person but somebody's page.
const LONGEST_MESSAGE: usize = 2048;

/// What came back for one request. Not `Debug`: the body may be a token.
pub(crate) struct Answer {
    /// `GET /user`, for messages.
    pub(crate) operation: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The answer, or the error that it is.
    pub(crate) fn checked(self) -> Result<Self> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.error()) }
    }

    /// The model in the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let why =
                format!("the answer to `{}` is not what this version expects ({error})", self.operation);
            let next = "bring `usher` and this program to the same version";
            Error {
                request_id: self.header("x-request-id"),
                ..Error::new(Code::UpstreamFailed, format!("{why}: {next}"))
            }
        })
    }

    /// The text in the body.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }

    /// The state the answer belongs to; a daemon that counts none gets the first.
    pub(crate) fn version(&self) -> Version {
        self.header(ETAG.as_str()).and_then(|tag| Version::from_str(&tag).ok()).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    /// The error in this answer: a JSON problem, a model of `has_feature_access`, or text beside headers.
    pub(crate) fn error(&self) -> Error {
        let kind = self.header(CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
        let code = self.header("x-error-code").and_then(|word| Code::parse(&word));
        let request_id = self.header("x-request-id");
        if let (true, Ok(problem)) = (kind.contains("json"), serde_json::from_slice::<Problem>(&self.body)) {
            let code = Code::parse(&problem.code).or(code);
            let request_id = Some(problem.request_id).filter(|id| !id.is_empty()).or(request_id);
            return Error { request_id, ..self.error_of(code, problem.detail) };
        }
        if let (true, Some((message, feature_input))) = (kind.contains("json"), self.feature_input()) {
            return Error { request_id, feature_input, ..self.error_of(code, message) };
        }
        let text = self.text();
        let message = if text.is_empty() || text.len() > LONGEST_MESSAGE || kind.contains("html") {
            format!("`{}` was answered with status {}: run `usher doctor`", self.operation, self.status)
        } else {
            text
        };
        Error { request_id, ..self.error_of(code, message) }
    }

    /// An error of the code that was told, else of the one the status stands for.
    fn error_of(&self, told: Option<Code>, message: String) -> Error {
        let error = Error::new(told.unwrap_or_else(|| code_of(self.status)), message);
        Error { is_guess: told.is_none(), ..error }
    }

    /// The two models of `has_feature_access`; words this version does not know leave only the message.
    fn feature_input(&self) -> Option<(String, Option<FeatureInput>)> {
        if !self.operation.ends_with("/has_feature_access") {
            return None;
        }
        if self.status == 400 {
            let bad: HasFeatureAccessBadRequestError = serde_json::from_slice(&self.body).ok()?;
            return Some((bad.message, known(&BAD_INPUTS, &bad.code).map(FeatureInput::Bad)));
        }
        let foreign: HasFeatureAccessUnprocessableEntityError = serde_json::from_slice(&self.body).ok()?;
        let features = HasFeatureAccessEnum::ALL.iter().map(|feature| feature.as_str());
        let input = known(&CONTEXTS, &foreign.expected_context_type)
            .zip(features.into_iter().find(|feature| **feature == *foreign.feature))
            .map(|(expected, feature)| FeatureInput::ForeignContext { expected, feature });
        Some((foreign.message, input))
    }
}

const BAD_INPUTS: [&str; 3] = ["invalid_body", "missing_context", "invalid_context"];
const CONTEXTS: [&str; 5] = [
    "allowedCloudModels",
    "deniedWorkstreamPatternEngineSource",
    "deniedWorkstreamPatternEngineWebsite",
    "processing",
    "none",
];

fn known(words: &[&'static str], word: &str) -> Option<&'static str> {
    words.iter().find(|known| **known == word).copied()
}

/// What a status means where no code stands beside it.
fn code_of(status: u16) -> Code {
    match status {
        400 | 415 => Code::InvalidBody,
        401 => Code::NotSignedIn,
        403 => Code::NotAllowed,
        404 | 410 => Code::NotFound,
        409 => Code::Conflict,
        413 | 431 => Code::TooLarge,
        422 => Code::InvalidValue,
        429 => Code::TooManyRequests,
        500 => Code::Internal,
        501 => Code::NotAvailableHere,
        503 => Code::NotReady,
        504 => Code::Unreachable,
        511 => Code::NotConnected,
        _ => Code::UpstreamFailed,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let operation = "POST /user/has_feature_access".to_owned();
        Answer { operation, status, headers: headers.collect(), body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_problem_tells_everything() {
        let body = r#"{"type":"about:blank","title":"Taken","status":409,"detail":"`ada` is taken: choose another",
                       "code":"taken","requestId":"r-1"}"#;
        let error = answer(409, &[("content-type", "application/problem+json")], body).error();
        assert_eq!(error.code, Code::Taken);
        assert_eq!(error.message, "`ada` is taken: choose another");
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn text_is_told_by_its_headers() {
        let headers =
            [("content-type", "text/plain"), ("x-error-code", "not_registered"), ("x-request-id", "r-2")];
        let error = answer(401, &headers, "register first: `POST /connect`\n").error();
        assert_eq!(error.code, Code::NotRegistered);
        assert_eq!(error.message, "register first: `POST /connect`");
        assert_eq!(error.request_id.as_deref(), Some("r-2"));
    }

    #[test]
    fn a_word_from_the_future_falls_back_to_the_status() {
        let error = answer(403, &[("x-error-code", "not_on_a_sunday")], "not today").error();
        assert_eq!((error.code, error.message.as_str()), (Code::NotAllowed, "not today"));
    }

    #[test]
    fn pages_and_silence_become_a_sentence() {
        for (status, kind, body, code) in [
            (502, "text/html", "<html>Bad gateway</html>", Code::UpstreamFailed),
            (511, "text/plain", "", Code::NotConnected),
            (302, "text/plain", "", Code::UpstreamFailed),
        ] {
            let error = answer(status, &[("content-type", kind)], body).checked().err().unwrap();
            assert_eq!(error.code, code);
            assert!(error.message.contains(&status.to_string()), "{error}");
            assert!(error.message.ends_with("run `usher doctor`"), "{error}");
        }
    }

    #[test]
    fn feature_access_has_models_of_its_own() {
        let json = [("content-type", "application/json")];
        let error = answer(400, &json, r#"{"code":"missing_context","message":"name the model"}"#).error();
        assert_eq!(error.message, "name the model");
        assert_eq!(error.feature_input, Some(FeatureInput::Bad("missing_context")));

        let body =
            r#"{"expectedContextType":"processing","feature":"EXTERNAL_PROVIDER_PROCESSING","message":"no"}"#;
        let expected =
            FeatureInput::ForeignContext { expected: "processing", feature: "EXTERNAL_PROVIDER_PROCESSING" };
        assert_eq!(answer(422, &json, body).error().feature_input, Some(expected));

        let error = answer(400, &json, r#"{"code":"from_the_future","message":"still readable"}"#).error();
        assert_eq!((error.message.as_str(), error.feature_input), ("still readable", None));
    }

    #[test]
    fn versions_and_models_are_read() {
        let mut answer = answer(200, &[("etag", "\"4-2\"")], r#"{"user":"#);
        assert_eq!(answer.version(), Version { generation: 4, revision: 2 });
        let error = answer.json::<crate::Users>().unwrap_err();
        assert_eq!(error.code, Code::UpstreamFailed);
        answer.headers.clear();
        assert_eq!(answer.version(), Version::default());
    }
}
