//! Which pages are let in: those of exactly the approved origins, and never to what decides on trust itself.

use reqwest::header::HeaderValue;
use serde_json::json;

use super::{JUPYTER, Page, TRUST, connect, decide, known, reader};
use crate::{
    contract::sign_in,
    daemon::Daemon,
    raw::{Raw, Reply},
};

#[tokio::test]
async fn an_unknown_page_is_refused_everywhere_and_remembered() {
    let daemon = Daemon::start();
    let page = Page::of(&daemon, JUPYTER);
    for (method, path) in [
        ("GET", "/user"),
        ("HEAD", "/user"),
        ("POST", "/user/clear"),
        ("GET", "/user/stream"),
        ("GET", "/docs"),
        ("GET", "/nowhere"),
    ] {
        let reply = Reply::to(page.request(method, path)).await;
        assert_eq!(reply.outcome(), (403, Some("not_allowed")), "{method} {path}");
        assert_eq!(reader(&reply), None, "{method} {path}");
        assert!(method == "HEAD" || reply.body.contains("`usher origins allow"), "the next step: {reply:?}");
    }
    let preflight = page.preflight("/user/clear").await;
    assert_eq!((preflight.status, reader(&preflight)), (403, None));
    assert_eq!(page.stream("/user/stream").await.map(drop), Err(403));
    assert_eq!(known(&daemon).await, [["ASKED", JUPYTER]]);
}

#[tokio::test]
async fn the_last_64_that_asked_are_remembered() {
    let daemon = Daemon::start();
    let origin = |port: u16| format!("http://localhost:{port}");
    for port in (9001..=9070).chain([9010]) {
        assert_eq!(Page::of(&daemon, &origin(port)).get("/user").await.status, 403);
    }
    let last = [9010].into_iter().chain((9007..=9070).rev().filter(|port| *port != 9010));
    let last: Vec<[String; 2]> = last.map(|port| ["ASKED".to_owned(), origin(port)]).collect();
    assert_eq!(last.len(), 64);
    assert_eq!(known(&daemon).await, last);
}

#[tokio::test]
async fn what_is_no_origin_is_not_remembered() {
    let daemon = Daemon::start();
    let long = format!("http://{}", "a".repeat(300));
    for origin in [
        "null",
        "",
        "*",
        "garbage",
        "HTTP://LOCALHOST:8888",
        "http://Localhost:8888",
        "http://localhost:8888/",
        "http://localhost:80",
        "http://localhost:8888, http://localhost:8888",
        "http://*.example.org",
        "http://me@example.org",
        "http://example.org/path",
        "http://example.org?",
        "file://",
        "data:text/html,x",
        &long,
    ] {
        let reply = Page::of(&daemon, origin).get("/user").await;
        assert_eq!(reply.outcome(), (403, Some("not_allowed")), "{origin:?}");
    }
    let unreadable = HeaderValue::from_bytes(b"http://\xff.example").unwrap();
    let request = Raw::new(&daemon).request("GET", "/user").header("origin", unreadable);
    assert_eq!(Reply::to(request).await.status, 403);
    assert!(known(&daemon).await.is_empty(), "{:?}", known(&daemon).await);
}

#[tokio::test]
async fn exactly_the_approved_origin_is_let_in() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    assert_eq!(Page::of(&daemon, JUPYTER).get("/user").await.status, 200);
    for other in [
        "http://localhost:8889",
        "http://localhost:888",
        "http://localhost",
        "https://localhost:8888",
        "http://LOCALHOST:8888",
        "http://127.0.0.1:8888",
        "http://sub.localhost:8888",
        "http://localhost.:8888",
        "http://localhost:8888.evil.test",
        "http://localhost:8888@evil.test",
        "http://me@localhost:8888",
        "http://localhost:8888/",
        "http://localhost:8888, http://localhost:8888",
    ] {
        let page = Page::of(&daemon, other);
        assert_eq!(page.get("/user").await.outcome(), (403, Some("not_allowed")), "{other}");
        assert_eq!(page.stream("/user/stream").await.map(drop), Err(403), "{other}");
    }
}

#[tokio::test]
async fn two_origins_are_none() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    for (first, second) in [(JUPYTER, JUPYTER), (daemon.url(), JUPYTER), (JUPYTER, "http://evil.test")] {
        let reply =
            Reply::to(Page::of(&daemon, first).request("GET", "/user").header("origin", second)).await;
        assert_eq!(reply.outcome(), (403, Some("not_allowed")), "{first} {second}");
        assert_eq!(reader(&reply), None, "{first} {second}");
    }
}

#[tokio::test]
async fn extensions_are_approved_likewise() {
    let daemon = Daemon::start();
    for origin in [
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://6f0a2d1e-0000-4000-8000-000000000001",
        "vscode-webview://1hq8k2n3v4p5r6s7t8u9v0",
    ] {
        let page = Page::of(&daemon, origin);
        assert_eq!(page.get("/user").await.status, 403, "{origin}");
        assert_eq!(known(&daemon).await[0], ["ASKED", origin]);
        decide(&daemon, origin, true).await;
        let reply = page.get("/user").await;
        assert_eq!((reply.status, reader(&reply)), (200, Some(origin)));
        assert_eq!(page.send("/user/clear", &json!({})).await.status, 204, "{origin}");
        assert_eq!(page.stream("/user/stream").await.unwrap().text().await, "", "{origin}");
    }
}

#[tokio::test]
async fn where_a_request_comes_from_counts_unless_an_approved_page_says_who_it_is() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    for (origin, site, status) in [
        (Some(JUPYTER), "cross-site", 200),
        (Some(JUPYTER), "same-site", 200),
        (None, "cross-site", 403),
        (None, "same-site", 403),
        (None, "none", 200),
        (Some("http://localhost:9999"), "same-origin", 403),
    ] {
        let request = Raw::new(&daemon).request("GET", "/user").header("sec-fetch-site", site);
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        assert_eq!(Reply::to(request).await.status, status, "{origin:?} {site}");
    }
}

#[tokio::test]
async fn an_approved_page_sends_json_like_everybody() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    let ada = sign_in(&daemon.client(), "Ada").await;
    let page = Page::of(&daemon, JUPYTER);
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"] {
        for body in ["", "{}"] {
            let reply = page.send_as(kind, "/user/clear", body).await;
            assert_eq!(reply.outcome(), (415, Some("invalid_body")), "{kind} {body:?}");
        }
    }
    assert_eq!(Raw::new(&daemon).user().await["id"], json!(ada.id), "nobody was signed out");
}

#[tokio::test]
async fn no_page_sees_or_changes_what_is_trusted() {
    let daemon = Daemon::start();
    let application = connect(&daemon, "JUPYTER").await;
    decide(&daemon, JUPYTER, true).await;
    let before = Raw::new(&daemon).get("/audit").await.json();
    let changes = ["revoke", "restore"].map(|verb| format!("/applications/{application}/{verb}"));
    let all = TRUST.into_iter().chain(changes.iter().map(|path| ("POST", path.as_str())));
    for (method, path) in all {
        for origin in [JUPYTER, "http://evil.test"] {
            let request = Page::of(&daemon, origin).request(method, path);
            let body = json!({ "origin": "http://evil.test", "allowed": true }).to_string();
            let reply = Reply::to(request.header("content-type", "application/json").body(body)).await;
            assert_eq!(reply.outcome(), (403, Some("not_allowed")), "{method} {path} of {origin}");
        }
    }
    assert_eq!(known(&daemon).await, [["ASKED", "http://evil.test"], ["ALLOWED", JUPYTER]]);
    assert_eq!(Raw::new(&daemon).get("/audit").await.json(), before, "nothing was done");
    assert_eq!(Raw::new(&daemon).get("/applications").await.json()["iterable"][1]["revoked"], json!(null));
}
