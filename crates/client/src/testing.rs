//! Servers for the tests of this crate.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::Client;

/// Serves these routes on a free port of this machine until the test's runtime ends.
pub(crate) async fn serve(routes: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// A client of these routes.
pub(crate) async fn client_of(routes: Router) -> Client {
    Client::new(&format!("http://{}", serve(routes).await)).expect("the address of a server")
}

/// A profile as a daemon sends it.
pub(crate) fn profile(id: &str) -> serde_json::Value {
    let time = json!({"value": "2025-01-02T03:04:05.678Z"});
    json!({"id": id, "aesthetics": {"font": {"size": 14}, "theme": {"dark": false}}, "created": time, "updated": time})
}

/// What arrived at a [`recorder`].
#[derive(Debug)]
pub(crate) struct Heard {
    /// `GET /user`.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a text"))
    }
}

/// A client of a server that tells what it hears and answers everything with 204.
pub(crate) async fn recorder() -> (Client, mpsc::UnboundedReceiver<Heard>) {
    let (tell, heard) = mpsc::unbounded_channel();
    let routes = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let told = tell.send(Heard { line: format!("{method} {uri}"), headers, body });
        async move { told.map_or(StatusCode::GONE, |()| StatusCode::NO_CONTENT) }
    });
    (client_of(routes).await, heard)
}
