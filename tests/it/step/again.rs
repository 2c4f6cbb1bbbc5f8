//! Edits that are sent a second time, because the answer to the first was lost.

use serde_json::json;

use super::{World, edit, refresh, relay::Relay, shows, stands};

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
