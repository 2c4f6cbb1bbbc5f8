//! A request that was given up, and whose node is only slow: what came of it later must not undo what was asked for since,
//! and is told like any other change.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    proxy::Line,
    world::{LOOK_SECONDS, World},
};
use crate::{contract::until, raw::Raw};

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
        sleep(MOVES_AFTER).await;
        assert!(desk.link.lead_to(world.sites[1].address()));
        assert_eq!(world.ask_device(desk, None, "/user/refresh", None).await.unwrap().status, 200);
        is_stored("first").await;
        edit("second").await;
        is_stored("second").await;
    };
    assert!(tokio::join!(slowness, changes).0);
    sleep(OVER_AFTER).await;
    assert_eq!(stored().await.as_deref(), Some("second"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_caller_went_during_the_commit_is_told() {
    let Some(world) = World::start().await else { return };
    let (near, far, ada) = (&world.sites[0], &world.sites[1], &world.people[0]);
    let bearer = format!("Bearer {}", ada.token);
    let mut streams = Vec::new();
    for site in [near, far] {
        let stream = Raw::at(&site.url).handshake("/user/stream", &[("authorization", &bearer)]).await;
        streams.push(stream.unwrap());
    }
    let body = json!({ "id": ada.id, "name": "Countess" });
    let edit = world.ask_node(near, ada, "/user/update", Some(&body));
    let stored = until(async || {
        let answer = world.ask_node(far, ada, "/user", None).await?.json();
        (answer["user"]["name"] == "Countess").then_some(())
    });
    let cut = async {
        tokio::select! {
            // The database has it, and says so over a slow line.
            () = stored => {}
            answer = edit => panic!("answered in time: {}", answer.unwrap().body),
        }
        let soon = Duration::from_secs(LOOK_SECONDS) / 4;
        for stream in &mut streams {
            let told = async { while stream.json().await["name"] != "Countess" {} };
            timeout(soon, told).await.expect("what is stored is told");
        }
    };
    tokio::select! {
        _ = near.store.suffer(Line::Slow(SLOW), OVER_AFTER * 3600) => unreachable!("it is over before"),
        () = cut => {}
    }
}
