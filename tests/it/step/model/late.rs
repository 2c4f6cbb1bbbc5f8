//! A request that was given up, and whose node is only slow: what came of it later must not undo what was asked for since.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{proxy::Line, world::World};
use crate::contract::until;

/// How long each message between the slow node and the database takes: an edit takes a dozen of them.
const SLOW: Duration = Duration::from_millis(250);
/// How long the node is slow.
const SLOW_FOR: Duration = Duration::from_secs(6);
/// When the device gives up, in the middle of the first edit.
const MOVES_AFTER: Duration = Duration::from_millis(1_500);
/// When all of it would be over.
const OVER_AFTER: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_was_given_up_undoes_no_later_one() {
    let Some(world) = World::start().await.map(Arc::new) else { return };
    let (desk, ada) = (&world.desks[0], &world.people[0]);
    let edit = async |username: &str| {
        let body = json!({ "id": ada.id, "username": username });
        assert_eq!(world.ask_device(desk, None, "/user/update", Some(&body)).await.unwrap().status, 200);
    };
    let stored = async || {
        let answer = world.ask_node(&world.sites[1], ada, "/user", None).await.unwrap();
        answer.json()["user"]["username"].as_str().map(str::to_owned)
    };
    let is_stored = async |name: &str| until(async || (stored().await? == name).then_some(())).await;
    edit("before").await;
    is_stored("before").await;
    let slowness = world.sites[0].store.suffer(Line::Slow(SLOW), SLOW_FOR);
    let changes = async {
        edit("first").await;
        tokio::time::sleep(MOVES_AFTER).await;
        assert!(desk.link.lead_to(world.sites[1].address()));
        assert_eq!(world.ask_device(desk, None, "/user/refresh", None).await.unwrap().status, 200);
        is_stored("first").await;
        edit("second").await;
        is_stored("second").await;
    };
    assert!(tokio::join!(slowness, changes).0);
    tokio::time::sleep(OVER_AFTER).await;
    assert_eq!(stored().await.as_deref(), Some("second"));
}
