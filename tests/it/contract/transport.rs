//! What holds for all operations: errors, and shapes of answers. Bodies and paths that are wrong are in `trouble`.

use serde_json::{Value, json};

use super::{sign_in, with_ada};
use crate::{
    daemon::Daemon,
    raw::{Raw, Reply},
};

#[tokio::test]
async fn an_error_is_one_sentence_beside_its_code_and_request_id() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let (first, second) = (raw.get("/user/refresh").await, raw.get("/user/refresh").await);
    for reply in [&first, &second] {
        assert_eq!(reply.outcome(), (401, Some("not_signed_in")));
        assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
        assert!(reply.body.contains("usher login") && !reply.body.contains('\n'), "{reply:?}");
    }
    assert_ne!(first.header("x-request-id").unwrap(), second.header("x-request-id").unwrap());
}

#[tokio::test]
async fn who_accepts_problems_gets_them() {
    let daemon = Daemon::start();
    let request = Raw::new(&daemon).request("GET", "/user/refresh");
    let reply = Reply::to(request.header("accept", "application/problem+json")).await;
    assert_eq!(reply.outcome(), (401, Some("not_signed_in")));
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let problem = reply.json();
    assert_eq!((&problem["type"], &problem["status"]), (&json!("about:blank"), &json!(401)));
    assert_eq!(problem["code"], "not_signed_in");
    assert_eq!(problem["requestId"], reply.header("x-request-id").unwrap());
    assert!(problem["detail"].as_str().unwrap().contains("usher login"));
}

#[tokio::test]
async fn an_empty_body_is_no_body_whatever_its_type() {
    let (daemon, _, ada) = with_ada().await;
    let raw = Raw::new(&daemon);
    for kind in ["application/json", "application/octet-stream", "x"] {
        let reply = Reply::to(raw.request("POST", "/user/select").header("content-type", kind)).await;
        assert_eq!((reply.status, &reply.json()["id"]), (200, &json!(ada.id)), "{kind}");
        let reply = Reply::to(raw.request("POST", "/user/update").header("content-type", kind)).await;
        assert_eq!(reply.outcome(), (400, Some("invalid_body")), "{kind}");
    }
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let (daemon, _, ada) = with_ada().await;
    let body =
        json!({ "id": ada.id, "name": "Ada L", "shoeSize": 38, "aesthetics": null, "next": { "a": [] } });
    let reply = Raw::new(&daemon).send("/user/update", &body).await;
    assert_eq!((reply.status, &reply.json()["name"]), (200, &json!("Ada L")));
}

#[tokio::test]
async fn times_and_schema_are_spelled_in_one_way() {
    let daemon = Daemon::start();
    sign_in(&daemon.client(), "Ada").await;
    let user = Raw::new(&daemon).user().await;
    for member in ["created", "updated"] {
        let value = user[member]["value"].as_str().unwrap();
        assert_eq!(crate::daemon::masked(value), "[time]", "{member}");
    }
    assert_eq!(user["schema"], json!({ "migration": 0, "semantic": "MAJOR_0_MINOR_0_PATCH_1" }));
    assert_eq!(user.get("allocation"), None, "disconnected is an absent allocation");
    assert!(!holds_null(&user), "nothing is sent as null: {user}");
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}

#[tokio::test]
async fn no_answer_to_a_read_makes_clients_sleep() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    for path in
        ["/user/refresh", "/user/providers", "/user/access_token", "/users/nobody", "/entities", "/nowhere"]
    {
        let reply = raw.get(path).await;
        assert!(reply.status >= 400 && reply.header("retry-after").is_none(), "{reply:?}");
    }
}
