//! HTTP and WebSocket without the SDK, for what it hides: statuses, headers, exact bodies and frames.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderName},
};

use crate::daemon::Daemon;

/// Nothing a test waits for takes longer, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A caller of a daemon that speaks plain HTTP.
#[derive(Clone)]
pub(crate) struct Raw {
    http: reqwest::Client,
    url: String,
}

impl Raw {
    pub(crate) fn new(daemon: &Daemon) -> Self {
        Self::at(daemon.url())
    }

    pub(crate) fn at(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { http, url: url.to_owned() }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::to(self.request("GET", path)).await
    }

    /// A POST without a body.
    pub(crate) async fn post(&self, path: &str) -> Reply {
        Reply::to(self.request("POST", path)).await
    }

    /// A POST of JSON.
    pub(crate) async fn send(&self, path: &str, body: &Value) -> Reply {
        self.send_text(path, &body.to_string()).await
    }

    /// A POST of what calls itself JSON.
    pub(crate) async fn send_text(&self, path: &str, body: &str) -> Reply {
        let request = self.request("POST", path).header("content-type", "application/json");
        Reply::to(request.body(body.to_owned())).await
    }

    /// The `ETag` of `GET /user`.
    pub(crate) async fn etag(&self) -> String {
        self.get("/user").await.header("etag").expect("`GET /user` has an ETag").to_owned()
    }

    /// Who `GET /user` says is current; null when nobody is.
    pub(crate) async fn user(&self) -> Value {
        self.get("/user").await.json()["user"].clone()
    }

    /// A WebSocket.
    pub(crate) async fn socket(&self, path: &str) -> Socket {
        self.handshake(path, &[]).await.unwrap_or_else(|status| panic!("{path}: refused with {status}"))
    }

    /// A WebSocket asked for with these headers, or the status it is refused with.
    pub(crate) async fn handshake(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        let mut request =
            format!("{}{path}", self.url.replacen("http", "ws", 1)).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        match timeout(PATIENCE, connect_async(request)).await.expect("a handshake is answered") {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status, and the stable word of a failure.
    pub(crate) fn outcome(&self) -> (u16, Option<&str>) {
        (self.status, self.header("x-error-code"))
    }
}

/// An open WebSocket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The next text message; `None` when the daemon has closed.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a frame arrives") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(message)) => panic!("only text is sent, not {message:?}"),
            }
        }
    }

    /// The next text message as it is.
    pub(crate) async fn text(&mut self) -> String {
        self.next().await.expect("the daemon keeps the stream open")
    }

    /// The next text message as JSON.
    pub(crate) async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }

    /// Whether nothing was sent before the answer to a ping that is sent now.
    pub(crate) async fn is_silent(&mut self) -> bool {
        self.0.send(Message::Ping(Default::default())).await.unwrap();
        let first = timeout(PATIENCE, self.0.next()).await.expect("a ping is answered");
        matches!(first, Some(Ok(Message::Pong(_))))
    }
}
