//! The record: who did what to whom, the latest first, and nothing that did not happen.

use serde_json::{Value, json};

use super::{JUPYTER, Page, connect, decide, token};
use crate::{
    contract::sign_in,
    daemon::Daemon,
    raw::{Raw, Reply},
};

/// The record, the earliest first: what was done, to which account, about what, by which application and page.
async fn record(daemon: &Daemon) -> Vec<[String; 5]> {
    let audit = Raw::new(daemon).get("/audit").await.json();
    let entries = audit["iterable"].as_array().unwrap();
    let times: Vec<&str> = entries.iter().map(|entry| entry["at"]["value"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|later, earlier| later >= earlier), "{times:?}");
    let member = |entry: &Value, name| entry[name].as_str().unwrap_or_default().to_owned();
    let members = ["action", "user", "subject", "application", "origin"];
    entries.iter().rev().map(|entry| members.map(|name| member(entry, name))).collect()
}

/// A POST of an application.
async fn post_as(daemon: &Daemon, application: &str, path: &str, body: Value) {
    let request = Raw::new(daemon).request("POST", path).header("application", application);
    let request = request.header("content-type", "application/json").body(body.to_string());
    assert!(Reply::to(request).await.status < 300, "{path}");
}

#[tokio::test]
async fn accounts() {
    let daemon = Daemon::start();
    let app = connect(&daemon, "JUPYTER").await;
    let (app, ada) = (app.as_str(), json!({ "name": "Ada", "email": "ada@example.org" }));
    post_as(&daemon, app, "/user/select", ada.clone()).await;
    let raw = Raw::new(&daemon);
    let ada_id = raw.user().await["id"].as_str().unwrap().to_owned();
    post_as(&daemon, app, "/user/select", ada.clone()).await;
    let grace_id = sign_in(&daemon.client(), "Grace").await.id;
    post_as(&daemon, app, "/user/clear", json!({})).await;
    post_as(&daemon, app, "/user/clear", json!({})).await;
    post_as(&daemon, "nobody", "/user/select", ada.clone()).await;
    post_as(&daemon, app, "/os/sign_out", json!({})).await;
    post_as(&daemon, app, &format!("/users/{grace_id}/disconnect"), json!({})).await;
    let (ada, grace) = (ada_id.as_str(), grace_id.as_str());
    assert_eq!(
        record(&daemon).await,
        [
            ["APPLICATION_CONNECTED", "", app, "", ""],
            ["ACCOUNT_ADDED", ada, "", app, ""],
            ["ACCOUNT_SELECTED", ada, "", app, ""],
            ["ACCOUNT_ADDED", grace, "", "", ""],
            ["ACCOUNT_SELECTED", grace, "", "", ""],
            ["SIGNED_OUT", grace, "", app, ""],
            ["ACCOUNT_SELECTED", ada, "", "", ""],
            ["SIGNED_OUT", ada, "", app, ""],
            ["ACCOUNT_REMOVED", grace, "", app, ""],
        ],
        "what changed nothing is not there, and an id nobody registered is nobody's"
    );
}

#[tokio::test]
async fn trust() {
    let mut daemon = Daemon::start();
    let app = connect(&daemon, "JUPYTER").await;
    connect(&daemon, "JUPYTER").await;
    let ada = sign_in(&daemon.client(), "Ada").await.id;
    token(&daemon, "application", &app).await;
    token(&daemon, "application", "nobody").await;
    let raw = Raw::new(&daemon);
    for verb in ["revoke", "revoke", "restore", "restore"] {
        assert_eq!(raw.post(&format!("/applications/{app}/{verb}")).await.status, 200);
    }
    decide(&daemon, JUPYTER, true).await;
    let request = Page::of(&daemon, JUPYTER).request("GET", "/user/access_token");
    assert_eq!(Reply::to(request.header("application", &app)).await.status, 501);
    Page::of(&daemon, JUPYTER).send("/user/clear", &json!({})).await;
    decide(&daemon, JUPYTER, false).await;
    let (app, ada) = (app.as_str(), ada.as_str());
    let expected = [
        ["APPLICATION_CONNECTED", "", app, "", ""],
        ["ACCOUNT_ADDED", ada, "", "", ""],
        ["ACCOUNT_SELECTED", ada, "", "", ""],
        ["TOKEN_REFUSED", ada, "access token", app, ""],
        ["APPLICATION_REVOKED", "", app, "", ""],
        ["APPLICATION_RESTORED", "", app, "", ""],
        ["ORIGIN_ALLOWED", "", JUPYTER, "", ""],
        ["TOKEN_REFUSED", ada, "access token", app, JUPYTER],
        ["SIGNED_OUT", ada, "", "", JUPYTER],
        ["ORIGIN_DENIED", "", JUPYTER, "", ""],
    ];
    assert_eq!(record(&daemon).await, expected);
    daemon.stop();
    daemon.start_again();
    assert_eq!(record(&daemon).await, expected, "over a restart");
}

#[tokio::test]
async fn a_change_that_is_refused_is_not_recorded() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    for (path, body) in [
        ("/user/select", json!({ "name": "x".repeat(2000) })),
        ("/user/select", json!({})),
        ("/users/nobody/disconnect", json!({})),
        ("/applications/nobody/revoke", json!({})),
        ("/origins", json!({ "origin": "null", "allowed": true })),
        ("/connect", json!({ "application": { "name": "", "platform": "LINUX", "version": "1" } })),
    ] {
        let reply = raw.send(path, &body).await;
        assert!((400..500).contains(&reply.status), "{path}: {reply:?}");
    }
    assert!(record(&daemon).await.is_empty(), "{:?}", record(&daemon).await);
}
