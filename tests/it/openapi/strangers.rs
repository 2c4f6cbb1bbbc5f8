//! Pages of other sites and rebound names: refused on every operation and every WebSocket, and nothing changes by them.

use serde_json::{Value, json};
use usher_client::UserApi;

use super::{Operation, document, operations};
use crate::{
    contract::{anyone, model, organisation, put_policy, sign_in},
    daemon::Daemon,
    raw::{Raw, Reply},
};

/// What tells a stranger.
const STRANGERS: [(&str, &str); 6] = [
    ("origin", "http://evil.example"),
    ("origin", "null"),
    ("origin", "https://127.0.0.1"),
    ("host", "evil.example"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
];
/// Streams beside the API, for old clients.
const BESIDE: [&str; 2] = ["/qgpt/stream", "/conversations/stream/identifiers"];

/// A daemon where there is something to steal and to spoil: the ids to do it with, by their names in paths.
async fn with_something_to_lose(daemon: &Daemon) -> [(&'static str, String); 8] {
    let client = daemon.client();
    let ada = sign_in(&client, "Ada").await.id;
    client.user_associate_entity(&anyone(), &ada, "club").await.unwrap();
    let connection = json!({ "application": { "name": "X", "platform": "LINUX", "version": "1" } });
    let application = client.connect(&anyone(), model(connection)).await.unwrap().application.id;
    [
        ("user", ada.clone()),
        ("entity", "club".into()),
        ("allocation", ada),
        ("subscription", "x".into()),
        ("application", application),
        ("sign_in", "x".into()),
        ("session", "x".into()),
        ("receipt", "x".into()),
    ]
}

async fn state(raw: &Raw) -> Vec<String> {
    let mut state = vec![raw.etag().await];
    for path in ["/user", "/users", "/applications", "/entities", "/status", "/audit"] {
        state.push(raw.get(path).await.body);
    }
    state
}

/// The body that would do most.
fn body(operation: &Operation, user: &str) -> Option<Value> {
    match operation.id.as_str() {
        "select_user" => Some(json!({ "name": "Eve" })),
        "update_user" => Some(json!({ "id": user, "name": "Eve" })),
        "user_beta_status" => Some(json!({ "user": user, "auth0": { "vision": { "continuous": true } } })),
        _ => operation.body(),
    }
}

#[tokio::test]
async fn strangers_are_refused_everywhere() {
    let daemon = Daemon::start_with(|data| {
        put_policy(data, "club.json", &organisation("club", Some(&[])).to_string());
    });
    let ids = with_something_to_lose(&daemon).await;
    let ids = ids.each_ref().map(|(name, id)| (*name, id.as_str()));
    let raw = Raw::new(&daemon);
    let before = state(&raw).await;
    for operation in operations(&document()) {
        let path = operation.path_of(&ids);
        for (header, value) in STRANGERS {
            let mut request = raw.request(&operation.method, &path).header(header, value);
            if let Some(body) = body(&operation, ids[0].1) {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            let reply = Reply::to(request).await;
            assert_eq!(reply.outcome(), (403, Some("not_allowed")), "{} {header}: {value}", operation.id);
            assert!(!reply.body.contains(ids[0].1), "{reply:?}");
            if operation.is_stream() {
                let refused = raw.handshake(&path, &[(header, value)]).await.map(drop);
                assert_eq!(refused, Err(403), "{} {header}: {value}", operation.id);
            }
        }
    }
    for (header, value) in STRANGERS {
        for path in BESIDE {
            assert_eq!(
                raw.handshake(path, &[(header, value)]).await.map(drop),
                Err(403),
                "{path} {header}: {value}"
            );
        }
        for path in ["/", "/page/script.js", "/docs", "/openapi.json", "/nowhere"] {
            let reply = Reply::to(raw.request("GET", path).header(header, value)).await;
            assert_eq!(reply.status, 403, "{path} {header}: {value}");
        }
    }
    assert_eq!(state(&raw).await, before);
}

#[tokio::test]
async fn a_good_header_does_not_excuse_a_bad_one() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    for (header, good) in [("origin", daemon.url()), ("sec-fetch-site", "none")] {
        for (_, bad) in STRANGERS.iter().filter(|(name, _)| *name == header) {
            let request = raw.request("GET", "/user").header(header, good).header(header, *bad);
            assert_eq!(Reply::to(request).await.status, 403, "{header}: {good}, then {bad}");
        }
    }
}

#[tokio::test]
async fn the_daemons_own_names_are_no_strangers() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let port = daemon.url().rsplit(':').next().unwrap().to_owned();
    for name in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        let (host, origin) = (format!("{name}:{port}"), format!("http://{name}:{port}"));
        let request = raw.request("GET", "/user").header("host", &host).header("origin", &origin);
        assert_eq!(Reply::to(request.header("sec-fetch-site", "same-origin")).await.status, 200, "{name}");
        let mut socket =
            raw.handshake("/user/stream", &[("host", &host), ("origin", &origin)]).await.unwrap();
        assert_eq!(socket.text().await, "", "{name}");
    }
}

#[tokio::test]
async fn no_page_is_ever_told_that_it_may() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    for method in ["GET", "OPTIONS"] {
        for origin in [None, Some("http://evil.example")] {
            let request = raw.request(method, "/user").header("access-control-request-method", "POST");
            let request =
                origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
            let reply = Reply::to(request).await;
            let granted = reply.headers.keys().find(|name| name.as_str().starts_with("access-control"));
            assert_eq!(granted, None, "{method} {origin:?}");
        }
    }
}
