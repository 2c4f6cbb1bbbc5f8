//! The API document: committed as it is printed, complete in itself, and true of every operation: each has its method in
//! the SDK, one known answer when nobody is signed in, and none for strangers.

mod bound;
mod operations;
mod strangers;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::{Value, json};
use usher_client::UserApi;

use crate::{
    contract::{anyone, sign_in},
    daemon::{Answer, Daemon, Scratch},
    raw::{Raw, Reply},
};
use operations::{NOT_IN_THE_SDK, SIGNED_OUT, WAITS, pkce_code, pkce_seed, sdk};

/// An operation of the document.
struct Operation {
    id: String,
    method: String,
    path: String,
    about: Value,
}

impl Operation {
    /// Its path with these ids in it.
    fn path_of(&self, ids: &[(&str, &str)]) -> String {
        let path =
            ids.iter().fold(self.path.clone(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
        assert!(!path.contains('{'), "{path}: what stands there?");
        path
    }

    /// It is answered on a WebSocket.
    fn is_stream(&self) -> bool {
        self.about["responses"].get("101").is_some()
    }

    /// A body that is as it should be, where one must be sent.
    fn body(&self) -> Option<Value> {
        let made = json!({ "value": "2026-01-01T00:00:00Z" });
        let body = match self.id.as_str() {
            "authenticate_from_oauth_token" => {
                json!({ "access_token": "t", "token_type": "Bearer", "expires_in": 60 })
            }
            "connect" => {
                json!({ "application": { "name": "Stranger", "platform": "LINUX", "version": "1" } })
            }
            "decide_origin" => json!({ "origin": "http://localhost:1", "allowed": false }),
            "entities_create_new_entity" => json!({ "name": "Mine" }),
            "entity_update" => json!({ "id": "all", "name": "Mine", "type": "TEAM", "configuration": {},
                                       "created": made, "updated": made }),
            "generate_code" => pkce_seed(),
            "generate_token" => pkce_code(),
            "paste_into_sign_in" => json!({ "url": "http://127.0.0.1/sign-in/callback" }),
            "respond_with_code" => json!({ "code": "c", "state": "s" }),
            "user_beta_status" => json!({ "user": "nobody" }),
            "user_has_feature_access" => json!({ "feature": "SENTRY" }),
            _ => return None,
        };
        assert_eq!(self.about["requestBody"]["required"], true, "{}", self.id);
        Some(body)
    }
}

/// The document as the binary prints it.
fn printed() -> String {
    let answer = Answer::of(&mut Scratch::new().command("", &["openapi"]));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    answer.stdout
}

fn document() -> Value {
    serde_json::from_str(&printed()).unwrap()
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, about) in item.as_object().unwrap() {
            let id = about["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
            operations.push(Operation {
                id: id.to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                about: about.clone(),
            });
        }
    }
    operations
}

#[test]
fn the_committed_document_is_the_printed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == printed(),
        "openapi.json is not what the API is now: run `cargo run -p usher -- openapi > openapi.json`"
    );
}

#[tokio::test]
async fn the_daemon_serves_the_document_and_a_page_of_it() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let reply = raw.get("/openapi.json").await;
    assert_eq!(
        (reply.header("content-type"), reply.body.as_str()),
        (Some("application/json"), printed().as_str())
    );
    let page = raw.get("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for operation in operations(&document()) {
        assert!(page.body.contains(&format!("id=\"{}\"", operation.id)), "{} is on the page", operation.id);
    }
}

#[test]
fn every_reference_resolves() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| check(document, item)),
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} is elsewhere"));
                    assert!(document.pointer(pointer).is_some(), "{target} is nowhere");
                }
                members.values().for_each(|member| check(document, member));
            }
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}

#[test]
fn operations_are_those_of_the_api_each_once() {
    let operations = operations(&document());
    let ids: BTreeSet<&str> = operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids.len(), operations.len(), "an id twice");
    let known: BTreeSet<&str> = SIGNED_OUT.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, known, "SIGNED_OUT says what each operation answers");
}

#[test]
fn every_operation_is_a_method_of_the_sdk() {
    let mut covered: BTreeSet<&str> = sdk().into_iter().map(|(id, _)| id).collect();
    for id in NOT_IN_THE_SDK {
        assert!(covered.insert(id), "`{id}` is in the SDK now: it is no exception any more");
    }
    let known: BTreeSet<&str> = SIGNED_OUT.iter().map(|(id, _)| *id).collect();
    assert_eq!(covered, known);
}

#[tokio::test]
async fn signed_out_every_operation_has_its_answer() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let known: BTreeMap<&str, u16> = SIGNED_OUT.into();
    for operation in operations(&document()).iter().filter(|operation| operation.id != WAITS) {
        let ids =
            ["user", "entity", "allocation", "subscription", "application", "sign_in", "session", "receipt"]
                .map(|name| (name, "nobody"));
        let path = operation.path_of(&ids);
        let reply = match operation.body() {
            Some(body) => raw.send(&path, &body).await,
            None => Reply::to(raw.request(&operation.method, &path)).await,
        };
        assert_eq!(reply.status, known[operation.id.as_str()], "{}: {reply:?}", operation.id);
        let documented = &operation.about["responses"];
        assert!(
            documented.get(reply.status.to_string()).is_some(),
            "{} documents {}",
            operation.id,
            reply.status
        );
    }
}

#[tokio::test]
async fn the_sdk_tells_the_same_answers() {
    let daemon = Daemon::start();
    let known: BTreeMap<&str, u16> = SIGNED_OUT.into();
    for (id, call) in sdk().into_iter().filter(|(id, _)| *id != WAITS) {
        let told = call(daemon.client()).await.map_err(|error| error.code.status());
        let expected = if known[id] < 300 { Ok(()) } else { Err(known[id]) };
        assert_eq!(told, expected, "{id}");
    }
    let (_, sign_in_and_wait) = sdk().into_iter().find(|(id, _)| *id == WAITS).unwrap();
    let waiting = tokio::spawn(sign_in_and_wait(daemon.client()));
    let ada = sign_in(&daemon.client(), "Ada").await;
    waiting.await.unwrap().expect("somebody is signed in");
    assert_eq!(daemon.client().sign_into_os(&anyone()).await.unwrap(), ada);
}
