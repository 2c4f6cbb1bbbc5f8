//! Whom a daemon trusts, asked from outside: web pages, applications that want tokens, and what is written down of
//! both. Here is what their tests share.

mod applications;
mod audit;
mod decisions;
mod headers;
mod legacy;
mod origins;
mod sharing;
mod verbs;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    daemon::Daemon,
    raw::{Raw, Reply, Socket},
};

/// Where Jupyter serves its pages.
const JUPYTER: &str = "http://localhost:8888";
/// What a page may not even look at, approved or not.
const TRUST: [(&str, &str); 3] = [("GET", "/origins"), ("POST", "/origins"), ("GET", "/audit")];

/// A web page of some origin, as its browser sends what it asks for.
struct Page {
    raw: Raw,
    origin: String,
}

impl Page {
    fn of(daemon: &Daemon, origin: &str) -> Self {
        Self { raw: Raw::new(daemon), origin: origin.to_owned() }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.raw.request(method, path).header("origin", &self.origin)
    }

    async fn get(&self, path: &str) -> Reply {
        Reply::to(self.request("GET", path)).await
    }

    async fn send(&self, path: &str, body: &Value) -> Reply {
        self.send_as("application/json", path, &body.to_string()).await
    }

    async fn send_as(&self, content_type: &str, path: &str, body: &str) -> Reply {
        let request = self.request("POST", path).header("content-type", content_type);
        Reply::to(request.body(body.to_owned())).await
    }

    /// What a browser asks before it lets the page send JSON with an application id.
    async fn preflight(&self, path: &str) -> Reply {
        let request = self.request("OPTIONS", path).header("access-control-request-method", "POST");
        Reply::to(request.header("access-control-request-headers", "application,content-type")).await
    }

    async fn stream(&self, path: &str) -> Result<Socket, u16> {
        self.raw.handshake(path, &[("origin", &self.origin)]).await
    }
}

/// The one page that may read an answer.
fn reader(reply: &Reply) -> Option<&str> {
    reply.header("access-control-allow-origin")
}

/// Allows the pages of an origin, or denies them, as a person does.
async fn decide(daemon: &Daemon, origin: &str, allowed: bool) {
    let decision = json!({ "origin": origin, "allowed": allowed });
    let reply = Raw::new(daemon).send("/origins", &decision).await;
    assert_eq!((reply.status, &reply.json()["origin"]), (200, &json!(origin)), "{reply:?}");
}

/// The origins a daemon knows of, with what was decided.
async fn known(daemon: &Daemon) -> Vec<[String; 2]> {
    let origins = Raw::new(daemon).get("/origins").await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let origins = origins["iterable"].as_array().unwrap().iter();
    origins.map(|origin| [text(&origin["verdict"]), text(&origin["origin"])]).collect()
}

/// Introduces an application of this name; answers its id.
async fn connect(daemon: &Daemon, name: &str) -> String {
    let body = json!({ "application": { "name": name, "platform": "LINUX", "version": "1" } });
    let reply = Raw::new(daemon).send("/connect", &body).await;
    reply.json()["application"]["id"].as_str().unwrap().to_owned()
}

/// Asks for a token with this header.
async fn token(daemon: &Daemon, header: &str, id: &str) -> Reply {
    Reply::to(Raw::new(daemon).request("GET", "/user/access_token").header(header, id)).await
}
