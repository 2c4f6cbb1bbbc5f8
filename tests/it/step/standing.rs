//! How an account stands with its cloud: refused edits are told, a session that was ended there ends nothing here, and
//! signing out here ends it there.

use serde_json::{Value, json};

use super::{World, edit, refresh, shows, stands};
use crate::{contract::until, raw::Raw};

#[tokio::test]
async fn an_edit_the_cloud_refuses_is_undone_and_told() {
    let Some(world) = World::start() else { return };
    let token = world.token("bob").await;
    let bob = world.at_cloud("bob").await["id"].clone();
    let taken = json!({ "id": bob, "username": "engineer" });
    assert_eq!(world.node.post(&token, "/user/update", &taken).await.status, 200);
    let laptop = world.device("ada").await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    let mut stream = Raw::new(&laptop).socket("/user/stream").await;
    let before = stream.json().await["username"].clone();
    assert_eq!(edit(&laptop, json!({ "username": "engineer" })).await["username"], "engineer", "at once");
    assert_eq!(stream.json().await["username"], "engineer");
    assert_eq!(stream.json().await["username"], before, "it follows the cloud again");
    let told =
        until(async || Some(super::standing(&laptop).await["refusedEdit"].clone()).filter(Value::is_string))
            .await;
    assert!(told.as_str().unwrap().contains("taken"), "{told}");
    assert_eq!(super::standing(&laptop).await["refusedEdit"], Value::Null, "it is told once");
    let record = Raw::new(&laptop).get("/audit").await.json();
    assert_eq!(record["iterable"][0]["action"], "EDIT_REFUSED");
}

#[tokio::test]
async fn a_session_ended_at_the_cloud_leaves_the_person_here() {
    let Some(world) = World::start() else { return };
    let (laptop, phone) = (world.device("ada").await, world.device("ada").await);
    stands(&phone, "connectivity", json!("CONNECTED")).await;
    let sessions = Raw::new(&laptop).get("/sessions").await.json()["iterable"].clone();
    let sessions = sessions.as_array().unwrap();
    let ids = |current: Value| {
        let matching = sessions.iter().filter(move |session| session["current"] == current);
        matching.map(|session| session["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(json!(true)).len(), 1, "{sessions:?}");
    for other in ids(Value::Null) {
        assert_eq!(Raw::new(&laptop).post(&format!("/sessions/{other}/revoke")).await.status, 200);
    }
    assert_eq!(stands(&phone, "connectivity", json!("OFFLINE")).await["reason"], "SIGNED_OUT_THERE");
    // Each failure makes the device wait longer.
    for _ in 0..10 {
        assert_eq!(refresh(&phone).await.outcome(), (500, Some("upstream_failed")));
    }
    assert_eq!(Raw::new(&phone).user().await["name"], "ada");
    // Whoever signs in again has another session there, and waits for nothing.
    world.sign_in(&phone, "ada").await;
    stands(&phone, "connectivity", json!("CONNECTED")).await;
}

#[tokio::test]
async fn signing_out_here_ends_the_session_there() {
    let Some(world) = World::start() else { return };
    let laptop = world.device("ada").await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    let raw = Raw::new(&laptop);
    let ended = async || {
        let sessions = world.node.get(&world.token("ada").await, "/sessions").await.json();
        sessions["iterable"].as_array().unwrap().iter().filter(|session| session["ended"] == true).count()
    };
    assert_eq!(raw.post("/user/clear").await.status, 204);
    assert_eq!(ended().await, 0, "clearing ends nothing there");
    assert_eq!(raw.send("/user/select", &json!({ "user_id": "ada" })).await.status, 200);
    assert_eq!(raw.post("/os/sign_out").await.status, 200);
    until(async || Some(ended().await).filter(|ended| *ended == 1)).await;
    world.sign_in(&laptop, "ada").await;
    shows(&laptop, |user| user["name"] == "ada").await;
}

#[tokio::test]
async fn another_device_is_no_cloud() {
    let Some(world) = World::start() else { return };
    let theirs = world.device("ada").await;
    let own = world.device_behind("bob", theirs.url()).await;
    let standing = stands(&own, "reason", json!("REFUSED")).await;
    assert!(
        standing["message"].as_str().unwrap().contains("give that one the address of a cloud"),
        "{standing}"
    );
    edit(&own, json!({ "name": "Robert" })).await;
    refresh(&own).await;
    let doctor = own.cli(&["doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("ask whoever runs the cloud"), "{doctor}");
    assert!(own.cli(&["status"]).stdout.contains("; an edit waits for it"));
    assert!(theirs.cli(&["doctor"]).stdout.contains("in step with"), "{}", theirs.cli(&["doctor"]));
    assert_eq!(Raw::new(&own).user().await["name"], "Robert");
    assert_eq!(Raw::new(&theirs).user().await["name"], "ada");
}
