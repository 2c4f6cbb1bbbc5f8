//! WebSockets of a real daemon: what they send, when, and in which order. The sub-protocol `usher.v1` is in
//! `changes`, the storm of writers in `storm`.

mod changes;
mod storm;
mod switches;

use serde_json::json;
use usher_client::{Client, Event, ProfileUpdate, StreamExt, UserApi, UserProfile};

use crate::{
    contract::{anyone, model, select, sign_in},
    daemon::Daemon,
    raw::{Raw, Reply},
};

const USER: &str = "/user/stream";
const CHECK_INS: &str = "/user/last_checked_in/stream";
const SILENT: [&str; 6] = [
    "/qgpt/stream",
    "/conversations/stream/identifiers",
    "/assets/stream/identifiers",
    "/anchors/stream/identifiers",
    "/ranges/stream/identifiers",
    "/workstream_pattern_engine/processors/vision/status/stream",
];

async fn rename(client: &Client, id: &str, name: &str) -> UserProfile {
    let edit: ProfileUpdate = model(json!({ "id": id, "name": name }));
    client.update_user(&anyone(), edit).await.unwrap()
}

#[tokio::test]
async fn the_present_state_comes_first_then_one_frame_per_change() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let mut stream = raw.socket(USER).await;
    assert_eq!(stream.text().await, "", "signed out");
    let ada = sign_in(&client, "Ada").await;
    assert_eq!(stream.json().await, json!(ada), "the bare profile");
    for name in ["Ada 1", "Ada 2"] {
        let changed = rename(&client, &ada.id, name).await;
        assert_eq!(stream.json().await, json!(changed));
    }
    let grace = sign_in(&client, "Grace").await;
    assert_eq!(stream.json().await, json!(grace));
    assert_eq!(raw.socket(USER).await.json().await, json!(grace), "a late reader");
    client.clear_user(&anyone()).await.unwrap();
    assert_eq!(stream.text().await, "");
}

#[tokio::test]
async fn what_does_not_show_is_not_told() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let ada = sign_in(&client, "Ada").await;
    let grace = sign_in(&client, "Grace").await;
    let mut stream = raw.socket(USER).await;
    assert_eq!(stream.json().await["id"], json!(grace.id));
    rename(&client, &ada.id, "Ada L").await;
    rename(&client, &grace.id, "Grace").await;
    raw.send("/user/update", &json!({ "id": grace.id, "name": "" })).await;
    let connection = json!({ "application": { "name": "X", "platform": "LINUX", "version": "1" } });
    client.connect(&anyone(), model(connection)).await.unwrap();
    select(&client, json!({ "email": "grace@example.org" })).await;
    rename(&client, &grace.id, "Grace H").await;
    assert_eq!(stream.json().await["name"], "Grace H", "the next frame is of the next change");
    client.clear_user(&anyone()).await.unwrap();
    client.clear_user(&anyone()).await.unwrap();
    assert_eq!(stream.text().await, "");
    select(&client, json!({ "email": "ada@example.org" })).await;
    assert_eq!(stream.json().await["name"], "Ada L", "signed out was told once");
}

#[tokio::test]
async fn a_plain_get_is_answered_with_the_profile_or_null() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let reply = raw.get(USER).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "null"));
    let ada = sign_in(&daemon.client(), "Ada").await;
    let reply = raw.get(USER).await;
    assert_eq!((reply.json(), reply.header("content-type")), (json!(ada), Some("application/json")));
    let reply = raw.get(CHECK_INS).await;
    assert_eq!((reply.status, &reply.json()["userId"]), (200, &json!(ada.id)));
}

#[tokio::test]
async fn a_handshake_of_another_protocol_is_refused() {
    let daemon = Daemon::start();
    let request =
        Raw::new(&daemon).request("GET", USER).header("connection", "upgrade").header("upgrade", "h2c");
    let reply = Reply::to(request).await;
    assert!((400..500).contains(&reply.status) && reply.header("x-error-code").is_some(), "{reply:?}");
}

#[tokio::test]
async fn check_ins_say_when_to_read_again() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let mut stream = raw.socket(CHECK_INS).await;
    let signed_out = stream.json().await;
    assert_eq!(signed_out, json!({ "needsRefresh": false, "updateRequired": false }));
    let ada = sign_in(&client, "Ada").await;
    let told = stream.json().await;
    assert_eq!((&told["userId"], &told["needsRefresh"]), (&json!(ada.id), &json!(true)));
    assert!(told["lastCheckedIn"]["value"].as_str() >= Some(&ada.updated.unwrap().value.to_string()));
    rename(&client, &ada.id, "Ada L").await;
    let told = stream.json().await;
    assert_eq!((&told["userId"], &told["needsRefresh"]), (&json!(ada.id), &json!(true)));
    let late = raw.socket(CHECK_INS).await.json().await;
    assert_eq!(
        (&late["userId"], &late["needsRefresh"]),
        (&json!(ada.id), &json!(false)),
        "nothing before it"
    );
    client.clear_user(&anyone()).await.unwrap();
    let told = stream.json().await;
    assert_eq!((told.get("userId"), &told["needsRefresh"]), (None, &json!(true)));
}

#[tokio::test]
async fn streams_of_other_services_are_accepted_and_silent() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let mut sockets = Vec::new();
    for path in SILENT {
        sockets.push((path, raw.socket(path).await));
    }
    sign_in(&daemon.client(), "Ada").await;
    for (path, socket) in &mut sockets {
        assert!(socket.is_silent().await, "{path}");
        assert_eq!(raw.get(path).await.status, 426, "{path}");
    }
}

#[tokio::test]
async fn the_sdk_follows_and_finds_a_restarted_daemon_again() {
    let mut daemon = Daemon::start();
    let client = daemon.client();
    let mut events = client.watch_user();
    let mut check_ins = client.watch_last_checked_in();
    let mut states = client.stream_user(&anyone()).await.unwrap();
    let mut told = async || events.next().await.unwrap();
    assert!(matches!(told().await, Event::Now(present) if present.user.is_none()));
    assert_eq!(states.next().await.unwrap().user, None);
    assert!(matches!(check_ins.next().await, Some(Event::Now(_))));
    let ada = sign_in(&client, "Ada").await;
    let is_ada = |event: Event<std::sync::Arc<usher_client::Present>>| match event {
        Event::Now(present) => present.user.as_ref() == Some(&ada),
        Event::Lost { error, .. } => panic!("{error}"),
    };
    assert!(is_ada(told().await));
    assert_eq!(states.next().await.unwrap().user.as_ref(), Some(&ada));
    assert!(matches!(check_ins.next().await, Some(Event::Now(told)) if told.needs_refresh));
    daemon.stop();
    assert!(matches!(told().await, Event::Lost { .. }), "the loss is told");
    daemon.start_again();
    let back = loop {
        match told().await {
            Event::Lost { .. } => {}
            now => break now,
        }
    };
    assert!(is_ada(back), "the present state comes first again");
    assert_eq!(states.next().await.unwrap().user.as_ref(), Some(&ada), "losses are left out here");
    rename(&client, &ada.id, "Ada L").await;
    assert!(
        matches!(told().await, Event::Now(now) if now.user.as_ref().unwrap().name.as_deref() == Some("Ada L"))
    );
}
