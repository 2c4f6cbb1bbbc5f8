//! Edits that are sent a second time: the answer to the first was lost, was not of the cloud, or the cloud forgot it.

use serde_json::json;

use super::{World, edit, refresh, relay::Relay, shows, standing, stands};
use crate::{contract::until, raw::Raw};

#[tokio::test]
async fn an_edit_sent_again_undoes_nobodys_newer_one() {
    let Some(world) = World::start() else { return };
    let relay = Relay::to(world.node.url()).await;
    let laptop = world.device_behind("ada", relay.url()).await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    relay.lose("POST /user/update");
    edit(&laptop, json!({ "name": "Countess" })).await;
    relay.lost().await;
    assert_eq!(world.at_cloud("ada").await["name"], "Countess", "the cloud took it");
    assert_eq!(
        stands(&laptop, "connectivity", json!("OFFLINE")).await["pendingEdits"],
        1,
        "and nobody heard"
    );
    world.node.rename(&world.token("ada").await, "Augusta").await;
    // Another edit behind it is the device's own newer word, and on another member.
    edit(&laptop, json!({ "username": "countess" })).await;
    relay.mend();
    assert_eq!(refresh(&laptop).await.status, 200);
    stands(&laptop, "pendingEdits", json!(0)).await;
    let user = shows(&laptop, |user| user["name"] == "Augusta").await;
    assert_eq!(user["username"], "countess");
    let there = world.at_cloud("ada").await;
    assert_eq!((&there["name"], &there["username"]), (&json!("Augusta"), &json!("countess")));
    assert_eq!(relay.exchanges("POST /user/update").len(), 3, "it was sent again");
    // What is said anew is a new word, though it says the same.
    edit(&laptop, json!({ "name": "Countess" })).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    assert_eq!(world.at_cloud("ada").await["name"], "Countess");
}

#[tokio::test]
async fn what_a_proxy_says_is_not_the_word_of_the_cloud() {
    let Some(world) = World::start() else { return };
    let relay = Relay::to(world.node.url()).await;
    let laptop = world.device_behind("ada", relay.url()).await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    relay.refuse(Some("POST /user/update"));
    edit(&laptop, json!({ "name": "Countess" })).await;
    stands(&laptop, "reason", json!("REFUSED")).await;
    assert_eq!(standing(&laptop).await["pendingEdits"], 1);
    assert_eq!(Raw::new(&laptop).user().await["name"], "Countess");
    relay.refuse(None);
    refresh(&laptop).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    assert_eq!(world.at_cloud("ada").await["name"], "Countess");
}

#[tokio::test]
async fn edits_reach_a_cloud_that_was_restored() {
    let Some(mut world) = World::start() else { return };
    let laptop = world.device("ada").await;
    let folder = std::path::PathBuf::from(world.node.place().text()).parent().unwrap().to_owned();
    let (database, backup) = (folder.join("cloud.db"), folder.join("backup.db"));
    for name in ["Backed up", "Lost"] {
        edit(&laptop, json!({ "name": name })).await;
        until(async || (world.at_cloud("ada").await["name"] == name).then_some(())).await;
        world.node.stop();
        if name == "Backed up" {
            std::fs::copy(&database, &backup).unwrap();
        } else {
            for file in ["cloud.db", "cloud.db-wal", "cloud.db-shm"] {
                drop(std::fs::remove_file(folder.join(file)));
            }
            std::fs::copy(&backup, &database).unwrap();
        }
        world.node.start_again();
    }
    assert_eq!(world.at_cloud("ada").await["name"], "Backed up");
    edit(&laptop, json!({ "aesthetics": { "theme": { "dark": false }, "font": { "size": 20 } } })).await;
    refresh(&laptop).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    let there = world.at_cloud("ada").await;
    assert_eq!((&there["name"], &there["aesthetics"]["font"]["size"]), (&json!("Backed up"), &json!(20)));
    shows(&laptop, |user| user["name"] == "Backed up" && user["aesthetics"] == there["aesthetics"]).await;
}
