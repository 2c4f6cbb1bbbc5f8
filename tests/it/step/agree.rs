//! Two devices and a cloud: whatever is changed anywhere is everywhere.

use serde_json::json;

use super::{World, edit, refresh, relay::Relay, shows, standing, stands};
use crate::{contract::until, raw::Raw};

#[tokio::test]
async fn a_change_on_one_device_is_on_the_others_stream() {
    let Some(world) = World::start() else { return };
    let (laptop, phone) = (world.device("ada").await, world.device("ada").await);
    let id = world.at_cloud("ada").await["id"].clone();
    assert_eq!(Raw::new(&laptop).user().await["id"], id, "one id everywhere, from the first sign-in on");
    assert_eq!(Raw::new(&phone).user().await["id"], id);
    stands(&phone, "connectivity", json!("CONNECTED")).await;
    let mut stream = Raw::new(&phone).socket("/user/stream").await;
    assert_eq!(stream.json().await["name"], "ada");
    edit(&laptop, json!({ "name": "Countess" })).await;
    assert_eq!(stream.json().await["name"], "Countess");
    world.node.rename(&world.token("ada").await, "Augusta").await;
    assert_eq!(stream.json().await["name"], "Augusta");
    shows(&laptop, |user| user["name"] == "Augusta").await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    // Asked again where nothing changed, nobody is told anything.
    assert_eq!(refresh(&phone).await.status, 200);
    assert!(stream.is_silent().await);
}

#[tokio::test]
async fn edits_made_offline_on_two_devices_merge() {
    let Some(mut world) = World::start() else { return };
    let (laptop, phone) = (world.device("ada").await, world.device("ada").await);
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    stands(&phone, "connectivity", json!("CONNECTED")).await;
    world.node.kill();
    edit(&laptop, json!({ "username": "countess", "name": "Of the laptop" })).await;
    edit(&phone, json!({ "picture": "https://img.example.org/ada.png", "name": "Of the phone" })).await;
    stands(&laptop, "connectivity", json!("OFFLINE")).await;
    assert_eq!(stands(&laptop, "pendingEdits", json!(1)).await["reason"], "UNREACHABLE");
    world.node.start_again();
    for device in [&laptop, &phone] {
        assert_eq!(refresh(device).await.status, 200);
        stands(device, "pendingEdits", json!(0)).await;
    }
    let merged = world.at_cloud("ada").await;
    assert_eq!(
        (&merged["username"], &merged["picture"]),
        (&json!("countess"), &json!("https://img.example.org/ada.png"))
    );
    assert!(["Of the laptop", "Of the phone"].contains(&merged["name"].as_str().unwrap()), "{merged}");
    for device in [&laptop, &phone] {
        let same = |user: &serde_json::Value| {
            ["name", "username", "picture"].iter().all(|member| user[member] == merged[member])
        };
        shows(device, same).await;
    }
}

#[tokio::test]
async fn an_edit_survives_the_end_of_device_and_cloud() {
    let Some(mut world) = World::start() else { return };
    let mut laptop = world.device("ada").await;
    world.node.kill();
    edit(&laptop, json!({ "name": "Countess" })).await;
    laptop.kill();
    world.node.start_again();
    assert_eq!(world.at_cloud("ada").await["name"], "ada");
    laptop.start_again();
    assert_eq!(Raw::new(&laptop).user().await["name"], "Countess", "it is himself that he sees");
    until(async || Some(world.at_cloud("ada").await).filter(|user| user["name"] == "Countess")).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
}

#[tokio::test]
async fn a_connection_that_comes_back_costs_what_is_new() {
    let Some(world) = World::start() else { return };
    let relay = Relay::to(world.node.url()).await;
    let laptop = world.device_behind("ada", relay.url()).await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    let picture = format!("data:image/png;base64,{}", "A".repeat(30_000));
    edit(&laptop, json!({ "picture": picture })).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    let mut local = Raw::new(&laptop).socket("/user/stream").await;
    local.text().await;
    // The cloud tells a small change in a small frame, so this one is the only way the picture came.
    let streams = || relay.exchanges("GET /user/stream");
    until(async || {
        Some(streams()).filter(|streams| streams.last().is_some_and(|stream| stream.bytes > 30_000))
    })
    .await;
    world.node.rename(&world.token("ada").await, "Countess").await;
    shows(&laptop, |user| user["name"] == "Countess").await;
    local.text().await;

    let comes_back = async |expected: usize| {
        assert_eq!(refresh(&laptop).await.status, 200);
        until(async || Some(streams()).filter(|streams| streams.len() == expected)).await;
        stands(&laptop, "connectivity", json!("CONNECTED")).await;
    };
    assert!(streams()[0].bytes < 35_000, "the picture came once: {:?}", streams());
    relay.cut();
    stands(&laptop, "connectivity", json!("OFFLINE")).await;
    relay.mend();
    comes_back(2).await;
    let again = streams().remove(1);
    assert!(again.asked.contains("since=") && again.bytes < 600, "nothing changed: {again:?}");
    assert!(local.is_silent().await, "and no reader here is told anything");
    relay.cut();
    stands(&laptop, "connectivity", json!("OFFLINE")).await;
    for number in 0..100 {
        world.node.rename(&world.token("ada").await, &format!("Ada {number}")).await;
    }
    relay.mend();
    comes_back(3).await;
    shows(&laptop, |user| user["name"] == "Ada 99").await;
    assert!(streams()[2].bytes < 35_000, "a hundred changes are one frame: {:?}", streams());
}

#[tokio::test]
async fn a_state_that_comes_late_does_not_undo_a_newer_one() {
    let Some(world) = World::start() else { return };
    let relay = Relay::to(world.node.url()).await;
    let laptop = world.device_behind("ada", relay.url()).await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    let mut local = Raw::new(&laptop).socket("/user/stream").await;
    assert_eq!(local.json().await["name"], "ada");
    relay.hold(true);
    world.node.rename(&world.token("ada").await, "Countess").await;
    let picture = json!("https://img.example.org/ada.png");
    edit(&laptop, json!({ "picture": picture })).await;
    // The answer to the push is ahead of the stream.
    while local.json().await["name"] != "Countess" {}
    stands(&laptop, "pendingEdits", json!(0)).await;
    relay.hold(false);
    world.node.rename(&world.token("ada").await, "Augusta").await;
    let next = local.json().await;
    assert_eq!((&next["name"], &next["picture"]), (&json!("Augusta"), &picture), "{next}");
}

#[tokio::test]
async fn an_edit_that_waits_lies_on_top_of_what_the_cloud_shows() {
    let Some(world) = World::start() else { return };
    let relay = Relay::to(world.node.url()).await;
    let laptop = world.device_behind("ada", relay.url()).await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    relay.block(Some("POST /user/update"));
    edit(&laptop, json!({ "username": "countess" })).await;
    let mut local = Raw::new(&laptop).socket("/user/stream").await;
    assert_eq!(local.json().await["username"], "countess");
    world.node.rename(&world.token("ada").await, "Augusta").await;
    assert_eq!(refresh(&laptop).await.json()["username"], "countess");
    let next = local.json().await;
    assert_eq!((&next["name"], &next["username"]), (&json!("Augusta"), &json!("countess")), "{next}");
    assert_eq!(standing(&laptop).await["pendingEdits"], 1);
    assert_ne!(world.at_cloud("ada").await["username"], "countess");
    relay.block(None);
    assert_eq!(refresh(&laptop).await.status, 200);
    stands(&laptop, "pendingEdits", json!(0)).await;
    assert_eq!(world.at_cloud("ada").await["username"], "countess");
}
