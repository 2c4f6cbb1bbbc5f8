//! What every answer says to browsers, whatever its status.

use reqwest::RequestBuilder;

use super::{JUPYTER, Page, decide};
use crate::{
    contract::sign_in,
    daemon::Daemon,
    raw::{Raw, Reply},
};

/// Each of them once, and just so.
const FIXED: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("vary", "origin"),
];

async fn is_protected(status: u16, request: RequestBuilder) {
    is_protected_with("no-referrer", status, request).await;
}

async fn is_protected_with(referrer: &str, status: u16, request: RequestBuilder) {
    let reply = Reply::to(request).await;
    assert_eq!(reply.status, status, "{}", reply.body);
    for (name, value) in FIXED {
        let value = if name == "referrer-policy" { referrer } else { value };
        let values: Vec<_> = reply.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}: {:?}", reply.headers);
    }
    for teller in ["server", "x-powered-by"] {
        assert_eq!(reply.header(teller), None);
    }
    for name in reply.headers.keys() {
        assert_eq!(reply.headers.get_all(name).iter().count(), 1, "{name}: {:?}", reply.headers);
    }
}

#[tokio::test]
async fn every_answer_is_protected() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    is_protected(401, raw.request("GET", "/user/refresh")).await;
    sign_in(&daemon.client(), "Ada").await;
    decide(&daemon, JUPYTER, true).await;
    let etag = raw.etag().await;
    let json = |path| raw.request("POST", path).header("content-type", "application/json");
    for path in [
        "/user",
        "/users",
        "/user/stream",
        "/user/last_checked_in/stream",
        "/.well-known/health",
        "/.well-known/version",
        "/.well-known/stream/health",
        "/status",
        "/audit",
        "/docs",
        "/openapi.json",
        "/models",
    ] {
        is_protected(200, raw.request("GET", path)).await;
        is_protected(200, raw.request("HEAD", path)).await;
    }
    for asset in ["/page/style.css", "/page/script.js"] {
        is_protected(200, raw.request("GET", asset)).await;
    }
    // Its forms come with their origin, which no other site is told.
    is_protected_with("same-origin", 200, raw.request("GET", "/")).await;
    is_protected(403, raw.request("POST", "/page/sign-out")).await;
    is_protected(200, json("/user/select")).await;
    is_protected(304, raw.request("GET", "/user").header("if-none-match", etag)).await;
    is_protected(400, json("/user/update").body("{")).await;
    is_protected(401, raw.request("GET", "/user/access_token")).await;
    is_protected(403, raw.request("GET", "/user").header("host", "evil.test")).await;
    is_protected(403, raw.request("GET", "/user").header("origin", "http://evil.test")).await;
    is_protected(403, raw.request("GET", "/user").header("sec-fetch-site", "cross-site")).await;
    is_protected(404, raw.request("GET", "/nowhere")).await;
    is_protected(404, raw.request("GET", "/users/nobody").header("accept", "application/problem+json")).await;
    is_protected(405, raw.request("PUT", "/user")).await;
    is_protected(415, raw.request("POST", "/user/clear").header("content-type", "text/plain")).await;
    is_protected(426, raw.request("GET", "/qgpt/stream")).await;
    is_protected(501, raw.request("GET", "/user/providers")).await;
    // The last one: its connection ends with it.
    is_protected(413, json("/user/update").body("x".repeat(1024 * 1024 + 1))).await;
}

#[tokio::test]
async fn answers_to_pages_are_protected_too() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    let page = Page::of(&daemon, JUPYTER);
    is_protected(200, page.request("GET", "/user")).await;
    is_protected(404, page.request("GET", "/nowhere")).await;
    let preflight = page.request("OPTIONS", "/user/clear").header("access-control-request-method", "POST");
    is_protected(204, preflight).await;
}

#[tokio::test]
async fn a_handshake_is_protected_or_refused_with_protection() {
    let daemon = Daemon::start();
    let handshake = |version: &'static str| {
        Raw::new(&daemon)
            .request("GET", "/user/stream")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", version)
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    is_protected(101, handshake("13")).await;
    is_protected(400, handshake("7")).await;
}
