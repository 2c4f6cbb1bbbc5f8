//! Applications that introduce themselves, and what old clients look for before they do.

use serde_json::{Value, json};
use usher_client::{Client, Context, UserApi, wire::PIECES_OS_VERSION};

use super::{anyone, model, sign_in};
use crate::{daemon::Daemon, raw::Raw};

async fn connect(client: &Client, application: Value) -> Context {
    let mut seed = json!({ "platform": "LINUX", "version": "5.0.1" });
    seed.as_object_mut().unwrap().extend(application.as_object().unwrap().clone());
    client.connect(&anyone(), model(json!({ "application": seed }))).await.unwrap()
}

#[tokio::test]
async fn the_same_application_always_gets_the_same_id() {
    let mut daemon = Daemon::start();
    let client = daemon.client();
    let first = connect(&client, json!({ "name": "OPEN_SOURCE" })).await;
    assert_eq!((first.application.name.as_str(), first.user), ("OPEN_SOURCE", None));
    assert_eq!((&first.health.os.id, first.health.os.version.as_str()), (&first.os, PIECES_OS_VERSION));
    let id = first.application.id;
    let newer =
        connect(&client, json!({ "name": " OPEN_SOURCE ", "version": "6.0.0", "platform": "MACOS" })).await;
    assert_eq!((&newer.application.id, newer.application.version.as_str()), (&id, "6.0.0"));
    let described = connect(&client, json!({ "name": "OPEN_SOURCE", "descriptor": "cursor" })).await;
    let other = connect(&client, json!({ "name": "SUBLIME" })).await;
    assert_ne!(described.application.id, id);
    assert_ne!(other.application.id, id);

    let listed = client.applications_snapshot(&anyone()).await.unwrap().iterable;
    assert_eq!((listed[0].name.as_str(), &listed[0].id), ("OS_SERVER", &first.os));
    assert_eq!(listed[1..], [newer.application, described.application, other.application]);

    daemon.stop();
    daemon.start_again();
    let again = connect(&daemon.client(), json!({ "name": "OPEN_SOURCE" })).await;
    assert_eq!((again.application.id, again.os), (id, first.os), "over a restart");
}

#[tokio::test]
async fn an_application_is_told_who_is_signed_in() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let ada = sign_in(&client, "Ada").await;
    assert_eq!(connect(&client, json!({ "name": "OPEN_SOURCE" })).await.user, Some(ada));
}

#[tokio::test]
async fn an_application_has_a_name() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    for name in ["", "  ", &"x".repeat(201)] {
        let body = json!({ "application": { "name": name, "platform": "LINUX", "version": "1" } });
        let reply = raw.send("/connect", &body).await;
        assert_eq!(reply.outcome(), (400, Some("invalid_value")), "{name:?}");
        assert!(reply.body.contains("`application.name`"), "{reply:?}");
    }
    assert_eq!(raw.post("/connect").await.outcome(), (400, Some("invalid_body")));
    let listed = daemon.client().applications_snapshot(&anyone()).await.unwrap();
    assert_eq!(listed.iterable.len(), 1, "only the daemon itself");
}

#[tokio::test]
async fn a_platform_from_the_future_is_no_reason_to_refuse() {
    let daemon = Daemon::start();
    let body = json!({ "application": { "name": "X", "platform": "PLAN_9", "version": "1" } });
    let reply = Raw::new(&daemon).send("/connect", &body).await;
    assert_eq!((reply.status, &reply.json()["application"]["platform"]), (200, &json!("UNKNOWN")));
}

#[tokio::test]
async fn the_two_models_official_wrappers_look_for_are_there() {
    let daemon = Daemon::start();
    let models = Raw::new(&daemon).get("/models").await.json();
    let named = |member: &str| -> Vec<&str> {
        models["iterable"].as_array().unwrap().iter().map(|model| model[member].as_str().unwrap()).collect()
    };
    assert!(named("name").contains(&"GPT-3.5-turbo Chat Model"));
    assert!(named("unique").contains(&"gemini-2.0-flash-lite-001"));
}
