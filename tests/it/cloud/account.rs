//! The end of an account: everything handed out before, a receipt after, and time to change one's mind.

use std::time::Duration;

use serde_json::json;

use super::{Database, World, on_both, profile, refused, seconds_now, world};
use crate::raw::Raw;

on_both![
    everything_is_handed_out_and_nobody_elses,
    what_is_handed_out_is_of_one_moment,
    who_comes_back_in_time_keeps_the_account,
    only_a_person_comes_back_and_no_program_does,
    who_does_not_is_gone_and_others_organisations_stay,
    no_device_brings_back_who_is_gone,
    who_comes_later_under_the_same_id_sees_nothing_of_who_was_there,
];

async fn everything_is_handed_out_and_nobody_elses(database: Database) {
    let world = world!(database);
    let (ada, bob) = (world.token("ada").await, world.token("bob").await);
    world.node.rename(&bob, "Robert").await;
    let first = profile(&world.node.get(&ada, "/user").await)["user"].clone();
    world.node.rename(&ada, "Countess").await;
    world.node.post(&ada, "/entities/create", &json!({ "name": "Engine" })).await;
    let export = profile(&world.node.get(&ada, "/user/export").await);
    assert_eq!(export["user"]["name"], "Countess");
    let names: Vec<_> =
        export["revisions"].as_array().unwrap().iter().map(|state| state["name"].as_str()).collect();
    assert_eq!(names, [Some("Countess"), Some("Countess"), first["name"].as_str()], "{export}");
    assert_eq!(export["identities"], json!([{ "issuer": world.provider.url(), "subject": "ada" }]));
    assert_eq!(export["entities"]["iterable"][0]["name"], "Engine");
    assert_eq!(export["sessions"]["iterable"].as_array().unwrap().len(), 1);
    assert_eq!(export["audit"]["iterable"][0]["action"], "ACCOUNT_ADDED");
    assert!(!export.to_string().contains("Robert"));
}

async fn what_is_handed_out_is_of_one_moment(database: Database) {
    let world = world!(database);
    let ada = world.token("ada").await;
    world.node.get(&ada, "/user").await;
    let edits = async {
        for number in 0..100 {
            world.node.rename(&ada, &format!("Ada {number}")).await;
        }
    };
    let exports = async {
        for _ in 0..100 {
            let export = profile(&world.node.get(&ada, "/user/export").await);
            assert_eq!(export["user"]["updated"], export["revisions"][0]["updated"], "{export}");
        }
    };
    tokio::join!(edits, exports);
}

async fn who_comes_back_in_time_keeps_the_account(database: Database) {
    let world = world!(database);
    let ada = world.token("ada").await;
    world.node.rename(&ada, "Countess").await;
    let mut stream = world.node.stream(&ada, "/user/stream").await.unwrap();
    stream.json().await;
    let receipt = profile(&world.node.tell(&ada, "/user/delete").await);
    assert_eq!(receipt["state"], "PENDING");
    assert!(receipt["scope"].as_str().unwrap().contains("profile"));
    assert_eq!(stream.next().await, None);
    refused(&world.node.get(&ada, "/user").await, 401, "not_signed_in");
    let path = format!("/user/delete/{}", receipt["receipt"].as_str().unwrap());
    let asked = Raw::at(world.node.url()).get(&path).await;
    assert_eq!(profile(&asked)["state"], "PENDING");
    let later = seconds_now() + 5;
    let again = world.provider.token(json!({ "sub": "ada", "iat": later })).await;
    // Each token is a session of its own, and a program may have refreshed it: only who selects the account is back.
    refused(&world.node.get(&again, "/user").await, 401, "not_signed_in");
    assert_eq!(profile(&Raw::at(world.node.url()).get(&path).await)["state"], "PENDING");
    assert_eq!(profile(&world.node.tell(&again, "/user/select").await)["name"], "Countess");
    assert_eq!(profile(&Raw::at(world.node.url()).get(&path).await)["state"], "RESTORED");
    assert_eq!(profile(&world.node.get(&again, "/user").await)["user"]["name"], "Countess");
    refused(&Raw::at(world.node.url()).get("/user/delete/none").await, 404, "not_found");
}

async fn only_a_person_comes_back_and_no_program_does(database: Database) {
    let world = world!(database);
    let now = seconds_now();
    let token = async |issued, asked| laptop_token(&world, issued, asked).await;
    let old = token(now, Some(now - 86_400)).await;
    world.node.rename(&old, "Countess").await;
    let receipt = profile(&world.node.tell(&old, "/user/delete").await)["receipt"].clone();
    let path = format!("/user/delete/{}", receipt.as_str().unwrap());
    for refreshed in [token(now + 5, Some(now - 86_400)).await, token(now + 5, None).await] {
        let reply = world.node.get(&refreshed, "/user").await;
        refused(&reply, 401, "not_signed_in");
        assert!(reply.body.contains("sign in again to keep it"), "{}", reply.body);
    }
    assert_eq!(profile(&Raw::at(world.node.url()).get(&path).await)["state"], "PENDING");
    // At once, on the same device and in the provider's same session.
    let back = token(now + 2, Some(now + 2)).await;
    for _ in 0..2 {
        assert_eq!(profile(&world.node.get(&back, "/user").await)["user"]["name"], "Countess");
    }
    assert_eq!(profile(&Raw::at(world.node.url()).get(&path).await)["state"], "RESTORED");
    let sessions = profile(&world.node.get(&back, "/sessions").await)["iterable"].clone();
    assert_eq!((sessions[0]["current"].clone(), sessions[0].get("ended")), (json!(true), None), "{sessions}");
    refused(&world.node.get(&old, "/user").await, 401, "not_signed_in");
}

async fn who_does_not_is_gone_and_others_organisations_stay(database: Database) {
    let world = world!(database, "deletes_after = 1\nlook_every = 1");
    let (ada, bob) = (world.token("ada").await, world.token("bob").await);
    let bob_id = profile(&world.node.get(&bob, "/user").await)["user"]["id"].as_str().unwrap().to_owned();
    let ada_id = profile(&world.node.get(&ada, "/user").await)["user"]["id"].as_str().unwrap().to_owned();
    let shared = profile(&world.node.post(&ada, "/entities/create", &json!({ "name": "Shared" })).await);
    world.node.post(&ada, "/entities/create", &json!({ "name": "Own" })).await;
    let shared = shared["id"].as_str().unwrap();
    world.node.tell(&ada, &format!("/user/{bob_id}/entities/associate/{shared}")).await;
    let receipt = profile(&world.node.tell(&ada, "/user/delete").await);
    done(&world, receipt["receipt"].as_str().unwrap()).await;
    let again = world.provider.token(json!({ "sub": "ada", "iat": seconds_now() + 5 })).await;
    for token in [&ada, &again] {
        let reply = world.node.get(token, "/user").await;
        refused(&reply, 401, "not_signed_in");
        assert!(reply.body.contains("was deleted: sign in again"), "{}", reply.body);
    }
    let newcomer = profile(&world.node.tell(&again, "/user/select").await);
    assert_ne!(newcomer["id"], json!(ada_id), "nothing of the old account is left");
    assert_eq!(profile(&world.node.get(&again, "/entities").await)["iterable"], json!([]));
    let left = profile(&world.node.get(&bob, "/entities").await)["iterable"].clone();
    assert_eq!((&left[0]["name"], left.as_array().unwrap().len()), (&json!("Shared"), 1));
    // Somebody must be able to look after it.
    let renamed = json!({ "id": shared, "name": "Ours", "type": "ORGANIZATION", "configuration": {},
        "created": left[0]["created"], "updated": left[0]["updated"] });
    assert_eq!(profile(&world.node.post(&bob, "/entity/update", &renamed).await)["name"], "Ours");
}

async fn no_device_brings_back_who_is_gone(database: Database) {
    let world = world!(database, "deletes_after = 1\nlook_every = 1");
    let now = seconds_now();
    let token = async |issued, asked| laptop_token(&world, issued, asked).await;
    let first = token(now, None).await;
    world.node.rename(&first, "Countess").await;
    let receipt = profile(&world.node.tell(&first, "/user/delete").await);
    done(&world, receipt["receipt"].as_str().unwrap()).await;
    let later = seconds_now() + 5;
    for refreshed in [first, token(later, None).await, token(later, Some(now - 86_400)).await] {
        refused(&world.node.get(&refreshed, "/user").await, 401, "not_signed_in");
        refused(&world.node.tell(&refreshed, "/user/select").await, 401, "not_signed_in");
    }
    let back = token(later, Some(later)).await;
    assert_ne!(profile(&world.node.get(&back, "/user").await)["user"]["name"], "Countess");
}

async fn who_comes_later_under_the_same_id_sees_nothing_of_who_was_there(database: Database) {
    let world = world!(database, "deletes_after = 1\nlook_every = 1");
    let id = "0b5a0000-0000-4000-8000-000000000042";
    let token = async |name: &str| {
        let claims =
            json!({ "sub": name, "name": name, "email": format!("{name}@example.org"), "global_id": id });
        world.provider.token(claims).await
    };
    let ada = token("ada").await;
    let first = profile(&world.node.get(&ada, "/user").await)["user"].clone();
    assert_eq!((&first["id"], &first["name"]), (&json!(id), &json!("ada")));
    let receipt = profile(&world.node.tell(&ada, "/user/delete").await);
    done(&world, receipt["receipt"].as_str().unwrap()).await;
    let second = profile(&world.node.get(&token("eve").await, "/user").await)["user"].clone();
    assert_eq!(
        (&second["id"], &second["name"], &second["email"]),
        (&json!(id), &json!("eve"), &json!("eve@example.org"))
    );
}

/// A token of Ada's laptop that was made at a time, both in seconds since 1970, and perhaps says when she was asked.
async fn laptop_token(world: &World, issued: i64, asked: Option<i64>) -> String {
    let mut claims = json!({ "sub": "ada", "sid": "laptop", "iat": issued });
    if let Some(asked) = asked {
        claims["auth_time"] = json!(asked);
    }
    world.provider.token(claims).await
}

/// Waits until an account is deleted.
async fn done(world: &World, receipt: &str) {
    let (raw, path) = (Raw::at(world.node.url()), format!("/user/delete/{receipt}"));
    let done = async {
        while profile(&raw.get(&path).await)["state"] != "DONE" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), done).await.expect("it is done when its time has come");
}
