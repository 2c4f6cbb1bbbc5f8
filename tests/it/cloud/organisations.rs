//! Organisations of a cloud, and what they allow.

use serde_json::json;

use super::{Database, on_both, profile, refused, world};

on_both![an_admin_decides_and_members_feel_it, nobody_is_buried_under_organisations];

async fn an_admin_decides_and_members_feel_it(database: Database) {
    let world = world!(database);
    let (ada, bob, eve) = (world.token("ada").await, world.token("bob").await, world.token("eve").await);
    let bob_id = profile(&world.node.get(&bob, "/user").await)["user"]["id"].as_str().unwrap().to_owned();
    let ada_id = profile(&world.node.get(&ada, "/user").await)["user"]["id"].as_str().unwrap().to_owned();
    let made = profile(&world.node.post(&ada, "/entities/create", &json!({ "name": "Engine" })).await);
    let id = made["id"].as_str().unwrap();
    let member = |user: &str, how: &str| format!("/user/{user}/entities/{how}/{id}");
    refused(&world.node.tell(&eve, &member(&bob_id, "associate")).await, 404, "not_found");
    let mut stream = world.node.stream(&bob, "/user/stream").await.unwrap();
    assert_eq!(stream.json().await["entities"], json!(null));
    assert_eq!(world.node.tell(&ada, &member(&bob_id, "associate")).await.status, 204);
    assert_eq!(stream.json().await["entities"]["iterable"][0]["id"], id, "the member hears of it");
    refused(&world.node.tell(&bob, &member(&ada_id, "disassociate")).await, 403, "not_allowed");
    refused(&world.node.post(&bob, "/entity/update", &made).await, 403, "not_allowed");

    let question = json!({ "feature": "SHARE_SNIPPET" });
    let before = profile(&world.node.post(&bob, "/user/has_feature_access", &question).await);
    assert_eq!((&before["canUse"], &before["isEnterpriseUser"]), (&json!(true), &json!(true)));
    let mut strict = made.clone();
    strict["configuration"] = crate::contract::organisation(id, None)["configuration"].clone();
    strict["name"] = json!("Analytical Engine");
    let changed = profile(&world.node.post(&ada, "/entity/update", &strict).await);
    assert_eq!(changed["name"], "Analytical Engine");
    let frame = stream.json().await;
    assert_eq!(frame["entities"]["iterable"][0]["reference"]["name"], "Analytical Engine");
    assert_eq!(frame["entities"]["iterable"][0]["reference"]["configuration"], strict["configuration"]);

    refused(&world.node.tell(&ada, &member(&ada_id, "disassociate")).await, 403, "not_allowed");
    assert_eq!(world.node.tell(&bob, &member(&bob_id, "disassociate")).await.status, 204);
    assert_eq!(stream.json().await["entities"], json!(null));
    refused(&world.node.get(&bob, &format!("/entity/{id}")).await, 404, "not_found");
    assert_eq!(world.node.tell(&ada, &format!("/entities/{id}/delete")).await.status, 204);
    assert_eq!(profile(&world.node.get(&ada, "/entities").await)["iterable"], json!([]));
}

async fn nobody_is_buried_under_organisations(database: Database) {
    let world = world!(database);
    let (mal, bob) = (world.token("mal").await, world.token("bob").await);
    let bob_id = profile(&world.node.get(&bob, "/user").await)["user"]["id"].as_str().unwrap().to_owned();
    let found = async |who: &str, size: usize| {
        let seed = json!({ "name": "Stones", "org_identifier": "x".repeat(size) });
        world.node.post(who, "/entities/create", &seed).await
    };
    refused(&found(&mal, 64 * 1024).await, 413, "too_large");
    for _ in 0..64 {
        let made = profile(&found(&mal, 60 * 1024).await);
        let taken_in = format!("/user/{bob_id}/entities/associate/{}", made["id"].as_str().unwrap());
        assert_eq!(world.node.tell(&mal, &taken_in).await.status, 204);
    }
    refused(&found(&bob, 1).await, 403, "not_allowed");
    let mut stream = world.node.stream(&bob, "/user/stream").await.unwrap();
    assert_eq!(stream.json().await["entities"]["iterable"].as_array().unwrap().len(), 64);
}
