//! Streams of a cloud: what they show, and when they end.

use serde_json::json;

use super::{Database, World, on_both, profile, refused, seconds_now, world};
use crate::raw::Raw;

on_both![
    each_change_is_on_every_stream_of_the_person,
    a_session_that_ends_takes_its_streams_along,
    a_stream_ends_with_its_token,
    who_resumes_at_any_node_is_told_what_he_lacks,
];

async fn each_change_is_on_every_stream_of_the_person(database: Database) {
    let world = world!(database);
    let (ada, bob) = (world.token("ada").await, world.token("bob").await);
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(world.node.stream(&ada, "/user/stream").await.unwrap());
    }
    let mut check_ins = world.node.stream(&ada, "/user/last_checked_in/stream").await.unwrap();
    let mut foreign = world.node.stream(&bob, "/user/stream").await.unwrap();
    for stream in streams.iter_mut().chain([&mut foreign]) {
        assert!(stream.json().await["id"].is_string(), "the present state comes first");
    }
    assert_eq!(check_ins.json().await["needsRefresh"], false);
    for name in ["Countess", "Augusta"] {
        world.node.rename(&ada, name).await;
        for stream in &mut streams {
            assert_eq!(stream.json().await["name"], name);
        }
        assert_eq!(check_ins.json().await["needsRefresh"], true);
    }
    assert!(foreign.is_silent().await);
}

async fn a_session_that_ends_takes_its_streams_along(database: Database) {
    let world = world!(database);
    let token = async |session: &str| world.provider.token(json!({ "sub": "ada", "sid": session })).await;
    let (laptop, phone) = (token("laptop").await, token("phone").await);
    let mut of_laptop = world.node.stream(&laptop, "/user/stream").await.unwrap();
    let mut of_phone = world.node.stream(&phone, "/user/stream").await.unwrap();
    of_laptop.json().await;
    of_phone.json().await;
    let sessions = profile(&world.node.get(&phone, "/sessions").await)["iterable"].clone();
    let id = |name: &str| {
        let sessions = sessions.as_array().unwrap();
        sessions
            .iter()
            .find(|session| session["id"] == format!("sid:{name}"))
            .unwrap_or_else(|| panic!("{sessions:?}"))
    };
    assert_eq!((&id("phone")["current"], &id("laptop")["current"]), (&json!(true), &json!(null)));
    let listed = profile(&world.node.tell(&phone, "/sessions/sid:laptop/revoke").await);
    assert!(
        listed["iterable"].as_array().unwrap().iter().any(|session| session["ended"] == true),
        "{listed}"
    );
    assert_eq!(of_laptop.next().await, None, "its stream ends");
    refused(&world.node.get(&laptop, "/user").await, 401, "not_signed_in");
    // For good: whatever token comes later with the same session.
    let later =
        world.provider.token(json!({ "sub": "ada", "sid": "laptop", "iat": seconds_now() + 10 })).await;
    refused(&world.node.get(&later, "/user").await, 401, "not_signed_in");
    world.node.rename(&phone, "Countess").await;
    assert_eq!(of_phone.json().await["name"], "Countess", "the other one goes on");
    assert_eq!(world.node.tell(&phone, "/user/clear").await.status, 204);
    assert_eq!(of_phone.next().await, None);
    refused(&world.node.get(&phone, "/user").await, 401, "not_signed_in");
    // Signing in again with the same session at the provider is another matter here.
    let again = world.provider.token(json!({ "sub": "ada", "sid": "phone", "iat": seconds_now() + 5 })).await;
    assert_eq!(profile(&world.node.get(&again, "/user").await)["user"]["name"], "Countess");
    let record = profile(&world.node.get(&again, "/audit").await);
    let actions: Vec<_> =
        record["iterable"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["SIGNED_OUT", "SESSION_ENDED", "ACCOUNT_ADDED"]);
    refused(&world.node.tell(&again, "/sessions/sid:nowhere/revoke").await, 404, "not_found");
}

async fn a_stream_ends_with_its_token(database: Database) {
    let world = world!(database);
    let claims = json!({ "sub": "ada", "exp": seconds_now() + 3 });
    let token = world.provider.token(claims).await;
    let mut stream = world.node.stream(&token, "/user/stream").await.unwrap();
    stream.json().await;
    assert_eq!(stream.next().await, None);
}

async fn who_resumes_at_any_node_is_told_what_he_lacks(database: Database) {
    let mut world = world!(database);
    let (ada, bob) = (world.token("ada").await, world.token("bob").await);
    let raw = Raw::at(world.node.url());
    let stream = async |token: &str, since: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "usher.v1")];
        raw.handshake(&format!("/user/stream{since}"), &headers).await.unwrap()
    };
    let mut first = stream(&ada, "").await;
    let whole = first.json().await;
    assert_eq!(whole["user"]["name"], "ada");
    world.node.rename(&ada, "Countess").await;
    let delta = first.json().await;
    assert_eq!((&delta["base"], &delta["changed"]["name"]), (&whole["version"], &json!("Countess")));
    assert_eq!(delta.get("user"), None, "{delta}");
    let since = format!("?since={}", delta["version"].as_str().unwrap());
    // Another process on the same database stands for another node.
    world.node.kill();
    world.node.start_again();
    let mut again = stream(&ada, &since).await;
    assert_eq!(again.json().await, json!({ "version": delta["version"] }));
    world.node.rename(&ada, "Augusta").await;
    assert_eq!(again.json().await["base"], delta["version"], "and goes on from there");
    assert_eq!(
        stream(&ada, &since).await.json().await["user"]["name"],
        "Augusta",
        "missed changes are one frame"
    );
    // Both are at their first revision: whoever comes with another's version is told who he is himself.
    let other = stream(&bob, &format!("?since={}", whole["version"].as_str().unwrap())).await.json().await;
    assert_eq!(other["user"]["name"], "bob");
}

#[tokio::test]
async fn one_token_takes_no_places_of_others() {
    let unlimited = "requests_per_person = 0\nrequests_per_address = 0";
    let Some(world) = World::start(Database::Sqlite, unlimited) else { return };
    let (ada, bob) = (world.token("ada").await, world.token("bob").await);
    let mut streams = Vec::new();
    for _ in 0..1024 {
        streams.push(world.node.stream(&ada, "/user/stream").await.unwrap());
    }
    assert_eq!(world.node.stream(&ada, "/user/stream").await.err(), Some(429));
    assert!(world.node.stream(&bob, "/user/stream").await.is_ok());
}
