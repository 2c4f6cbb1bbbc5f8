//! A cloud that is not there: the person stays, what is known stays in force, and what failed says why.

use serde_json::{Value, json};

use super::{World, edit, refresh, shows, stands};
use crate::{daemon::Daemon, raw::Raw};

#[tokio::test]
async fn a_cloud_that_is_gone_signs_nobody_out() {
    let Some(mut world) = World::start() else { return };
    let laptop = world.device("ada").await;
    let before = stands(&laptop, "connectivity", json!("CONNECTED")).await;
    world.node.kill();
    let reply = refresh(&laptop).await;
    assert_eq!(reply.outcome(), (500, Some("unreachable")), "{reply:?}");
    let raw = Raw::new(&laptop);
    assert_eq!(raw.get("/sessions").await.outcome(), (500, Some("unreachable")));
    assert_eq!(raw.user().await["name"], "ada");
    let after = stands(&laptop, "connectivity", json!("OFFLINE")).await;
    assert_eq!((&after["reason"], after["message"].is_string()), (&json!("UNREACHABLE"), true));
    assert!(after["lastCheckedIn"]["value"].as_str() >= before["lastCheckedIn"]["value"].as_str(), "{after}");
    world.node.start_again();
    assert_eq!(refresh(&laptop).await.status, 200);
    assert_eq!(stands(&laptop, "connectivity", json!("CONNECTED")).await["reason"], Value::Null);
}

#[tokio::test]
async fn rules_of_the_cloud_hold_while_it_is_gone() {
    let Some(mut world) = World::start() else { return };
    let laptop = world.device("ada").await;
    let seed = json!({
        "type": "ORGANIZATION", "name": "Analytical Engines",
        "configuration": { "externalCloud": { "shareSnippet": { "enabled": "DISABLED" } } },
    });
    let made = world.node.post(&world.token("ada").await, "/entities/create", &seed).await;
    let mut rules = made.json();
    rules["configuration"] = seed["configuration"].clone();
    assert_eq!(world.node.post(&world.token("ada").await, "/entity/update", &rules).await.status, 200);
    let has_rules = |user: &Value| {
        user["entities"]["iterable"][0]["reference"]["configuration"] == rules["configuration"]
    };
    shows(&laptop, has_rules).await;
    world.node.kill();
    let asked =
        Raw::new(&laptop).send("/user/has_feature_access", &json!({ "feature": "SHARE_SNIPPET" })).await;
    let answer = asked.json();
    assert_eq!((&answer["enabled"], &answer["isEnterpriseUser"]), (&json!(false), &json!(true)), "{answer}");
    assert!(answer["decision"]["asOf"].is_object() || answer["decision"]["asOf"].is_string(), "{answer}");
    assert_ne!(answer["decision"]["stale"], true, "it was heard of just now: {answer}");
}

#[test]
fn a_cloud_in_plain_text_on_another_machine_is_refused() {
    let daemon = Daemon::start();
    for (cloud, why) in [("http://cloud.example.org", "https"), ("cloud.example.org", "address")] {
        let mut command = daemon.serve("127.0.0.1:0");
        let output = command.env("USHER_CLOUD", cloud).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn an_edit_ends_the_wait_for_a_cloud_that_is_back() {
    let Some(mut world) = World::start() else { return };
    let laptop = world.device("ada").await;
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    world.node.kill();
    // Each is an attempt more, until the next one by itself would be minutes away.
    for _ in 0..20 {
        assert_eq!(refresh(&laptop).await.status, 500);
    }
    world.node.start_again();
    edit(&laptop, json!({ "name": "Countess" })).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    assert_eq!(world.at_cloud("ada").await["name"], "Countess");
}
