//! One request and its answer: headers of the caller, limits of time, and what a broken transport is called.

use std::{sync::PoisonError, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH},
};
use serde::Serialize;

use crate::{Caller, Client, Code, Error, Place, Result, answer::Answer};

/// How long a connection may take to be made.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer may take. Some wait for a cloud behind the daemon.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// JSON problems carry every detail of an error; text without them is understood as well.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/problem+json, application/json");
/// The body of a write without one.
pub(crate) const EMPTY: Option<&()> = None;

/// The connections of a client.
pub(crate) fn transport(place: &Place) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("usher-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        // Streams begin with an upgrade, which HTTP/2 does not have.
        .http1_only()
        // The daemon closes idle connections after 10 s; a write must not race with that.
        .pool_idle_timeout(Duration::from_secs(8))
        // The API never redirects; following one would carry the application id elsewhere.
        .redirect(reqwest::redirect::Policy::none());
    let builder = if place.is_loopback { builder.no_proxy() } else { builder };
    #[cfg(unix)]
    let builder = match &place.socket {
        Some(path) => builder.unix_socket(path.as_path()),
        None => builder,
    };
    builder.build().map_err(|error| {
        Error::new(
            Code::Internal,
            format!("HTTP cannot be set up ({}): check the proxy settings", cause(&error)),
        )
    })
}

impl Client {
    /// Reads `path`.
    pub(crate) async fn get(&self, caller: &Caller, path: &str) -> Result<Answer> {
        let request = self.request(caller, Method::GET, path)?.timeout(ANSWER_LIMIT);
        self.send(request, format!("GET {path}")).await
    }

    /// Writes to `path`.
    pub(crate) async fn post<B: Serialize>(
        &self,
        caller: &Caller,
        path: &str,
        body: Option<&B>,
    ) -> Result<Answer> {
        let request = self.write(caller, path, body)?.timeout(ANSWER_LIMIT);
        self.send(request, format!("POST {path}")).await
    }

    /// Writes to `path` and waits for a person: no limit of time.
    pub(crate) async fn post_and_wait(&self, caller: &Caller, path: &str) -> Result<Answer> {
        self.send(self.write(caller, path, EMPTY)?, format!("POST {path}")).await
    }

    fn write<B: Serialize>(&self, caller: &Caller, path: &str, body: Option<&B>) -> Result<RequestBuilder> {
        let body = body.map(serde_json::to_vec).transpose();
        let body =
            body.map_err(|error| Error::invalid_body(format!("the body is not valid JSON: {error}")))?;
        // The type stands also without a body: a page's form cannot send it, so the daemon may tell them apart.
        let mut request = self.request(caller, Method::POST, path)?.header(CONTENT_TYPE, "application/json");
        if let Some(seen) = caller.seen.or(self.own.seen) {
            request = request.header(IF_MATCH, format!("\"{seen}\""));
        }
        if let Some(key) = &caller.idempotency_key {
            request = request.header("idempotency-key", format!("\"{key}\""));
        }
        let body = body.unwrap_or_default();
        // Said even when it is 0: some servers take a POST without a length for a broken one.
        Ok(request.header(CONTENT_LENGTH, body.len()).body(body))
    }

    pub(crate) fn request(&self, caller: &Caller, method: Method, path: &str) -> Result<RequestBuilder> {
        let url = format!("{}{path}", self.place.base);
        Ok(self.http.request(method, url).headers(self.headers(caller)?))
    }

    /// Who asks, as headers. What `caller` leaves open is filled from the client.
    pub(crate) fn headers(&self, caller: &Caller) -> Result<HeaderMap> {
        let mut headers = HeaderMap::from_iter([(ACCEPT, ACCEPTED)]);
        if let Some(id) = caller.application.as_ref().or(self.own.application.as_ref()) {
            let id =
                HeaderValue::from_str(id).map_err(|_| Error::invalid_value("application", "is not an id"))?;
            headers.insert("x-application-id", id.clone());
            // Wrappers of the official SDKs send this spelling, and older daemons know no other.
            headers.insert("application", id);
        }
        if let Some(token) = caller.bearer.as_ref().or(self.own.bearer.as_ref()) {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| Error::invalid_value("bearer", "is not a token"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(session) = caller.session.as_ref().or(self.own.session.as_ref()) {
            let session = HeaderValue::from_str(session)
                .map_err(|_| Error::invalid_value("session", "is not an id"))?;
            headers.insert("usher-session", session);
        }
        if let Some(account) = caller.account.as_ref().or(self.own.account.as_ref()) {
            // Names need not be ASCII.
            let account = HeaderValue::from_bytes(account.as_bytes())
                .map_err(|_| Error::invalid_value("account", "is not the name of an account"))?;
            headers.insert("usher-account", account);
        }
        Ok(headers)
    }

    async fn send(&self, request: RequestBuilder, operation: String) -> Result<Answer> {
        let broken = |error| self.broken(&operation, &error);
        let response = request.send().await.map_err(broken)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        self.note_minimum_version(&headers);
        let body: Bytes = response.bytes().await.map_err(broken)?;
        Answer { operation, status, headers, body }.checked()
    }

    /// Keeps what an answer says of the versions that are too old; one that says nothing wants none.
    pub(crate) fn note_minimum_version(&self, headers: &HeaderMap) {
        let said = headers.get("usher-minimum-version").and_then(|version| version.to_str().ok());
        let mut known = self.minimum_version.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != said {
            *known = said.map(str::to_owned);
        }
    }

    fn broken(&self, operation: &str, error: &reqwest::Error) -> Error {
        if error.is_connect() {
            return self.unreachable(cause(error));
        }
        let url = &self.place.url;
        let problem = match error.is_timeout() {
            true => format!("{url} did not answer `{operation}` in time"),
            false => format!("the connection to {url} broke during `{operation}` ({})", cause(error)),
        };
        // Whether a write was carried out is not known here.
        let next = if operation.starts_with("POST") {
            "look whether it was done, then try again"
        } else {
            "try again"
        };
        Error::new(Code::Unreachable, format!("{problem}: {next}"))
    }

    /// The error for a connection that cannot be made.
    pub(crate) fn unreachable(&self, cause: impl std::fmt::Display) -> Error {
        let url = &self.place.url;
        let next =
            if self.place.is_loopback { "run `usher serve`" } else { "check the address and the network" };
        Error::new(Code::Unreachable, format!("{url} cannot be reached ({cause}): {next}"))
    }
}

/// The innermost reason; the layers around it only repeat the address.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A path of these segments, percent-encoded so that no id can mean another path.
pub(crate) fn path(segments: &[&str]) -> Result<String> {
    let mut path = String::new();
    for segment in segments {
        // URLs give these a meaning of their own, encoded or not; no object has such an id.
        if ["", ".", ".."].contains(segment) {
            return Err(Error::not_found(format!("object with the id `{segment}`")));
        }
        path.push('/');
        for byte in segment.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => path.push(byte.into()),
                _ => path.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Secret, UserApi, Version, testing::recorder};

    #[tokio::test]
    async fn the_caller_comes_before_the_clients_own() {
        let (client, mut heard) = recorder().await;
        let client = client.with_application("app-1").with_bearer(Secret::from("own")).as_account("zoë");
        let seen = Some(Version { generation: 3, revision: 7 });
        let caller = Caller {
            application: Some("app-2".into()),
            bearer: Some(Secret::from("theirs")),
            seen,
            account: Some("grace@example.org".into()),
            session: Some("s-1".into()),
            idempotency_key: Some("k-1".into()),
            ..Caller::default()
        };
        client.clear_user(&Caller::default()).await.unwrap();
        client.clear_user(&caller).await.unwrap();

        let own = heard.recv().await.unwrap();
        assert_eq!(own.line, "POST /user/clear");
        assert_eq!(own.header("x-application-id"), Some("app-1"));
        assert_eq!(own.header("application"), Some("app-1"));
        assert_eq!(own.header("authorization"), Some("Bearer own"));
        assert_eq!(own.header("if-match"), None);
        assert_eq!(own.headers["usher-account"].as_bytes(), "zoë".as_bytes());
        assert_eq!(own.header("accept"), Some("application/problem+json, application/json"));
        assert_eq!(own.header("content-type"), Some("application/json"), "also without a body");
        assert_eq!(own.header("content-length"), Some("0"));
        assert!(own.body.is_empty());

        let theirs = heard.recv().await.unwrap();
        assert_eq!(theirs.header("x-application-id"), Some("app-2"));
        assert_eq!(theirs.header("authorization"), Some("Bearer theirs"));
        assert_eq!(theirs.header("if-match"), Some("\"3-7\""));
        assert_eq!(theirs.header("usher-account"), Some("grace@example.org"));
        assert_eq!(
            (own.header("idempotency-key"), theirs.header("idempotency-key")),
            (None, Some("\"k-1\""))
        );
        assert_eq!((own.header("usher-session"), theirs.header("usher-session")), (None, Some("s-1")));
    }

    #[tokio::test]
    async fn a_caller_that_is_no_header_is_refused_here() {
        let (client, _heard) = recorder().await;
        let error = client.with_application("a\nb").clear_user(&Caller::default()).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidValue);
    }

    #[tokio::test]
    async fn an_id_stays_one_segment() {
        let (client, mut heard) = recorder().await;
        client.user_associate_entity(&Caller::default(), "é n/t?", "a%2F..#").await.unwrap();
        let line = heard.recv().await.unwrap().line;
        assert_eq!(line, "POST /user/%C3%A9%20n%2Ft%3F/entities/associate/a%252F..%23");
        for id in ["", ".", ".."] {
            let error = client.users_disconnect_user(&Caller::default(), id).await.unwrap_err();
            assert!(error.is_not_found(), "{id}: {error}");
        }
        assert!(heard.try_recv().is_err(), "nothing was sent");
    }

    #[tokio::test]
    async fn nobody_listening_says_what_to_do() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = Client::new(&format!("http://{closed}")).unwrap();
        let error = client.user_snapshot(&Caller::default()).await.unwrap_err();
        assert_eq!(error.code, Code::Unreachable);
        assert!(error.message.ends_with("run `usher serve`"), "{error}");
    }

    #[tokio::test]
    async fn a_write_that_breaks_may_have_happened() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let server = async {
            let (connection, _) = listener.accept().await.unwrap();
            connection.readable().await.unwrap();
        };
        let caller = Caller::default();
        let (answer, ()) = tokio::join!(client.clear_user(&caller), server);
        let error = answer.unwrap_err();
        assert_eq!(error.code, Code::Unreachable);
        assert!(error.message.ends_with("look whether it was done, then try again"), "{error}");
    }
}
