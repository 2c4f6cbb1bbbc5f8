//! What is read through a device is what the cloud says, and what the cloud cannot do is its own word.

use serde_json::{Value, json};

use super::{World, edit, refresh, shows, stands};
use crate::{
    contract::{organisation, put_policy, until},
    daemon::Daemon,
    oidc::configure,
    raw::Raw,
};

/// An organisation that this person makes at the cloud.
async fn found(world: &World, subject: &str) -> Value {
    let seed = json!({ "name": "Analytical Engines", "domains": ["engines.example.org"] });
    let made = world.node.post(&world.token(subject).await, "/entities/create", &seed).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.json()
}

#[tokio::test]
async fn organisations_are_read_at_the_cloud_and_from_policy_files() {
    let Some(mut world) = World::start() else { return };
    let laptop = world.device("ada").await;
    let raw = Raw::new(&laptop);
    assert_eq!(raw.get("/entities").await.json()["iterable"], json!([]));
    let engines = found(&world, "ada").await;
    put_policy(&laptop.data_dir(), "local.json", &organisation("local", None).to_string());
    let has_both =
        |user: &Value| user["entities"]["iterable"].as_array().is_some_and(|entities| entities.len() == 2);
    let ada = shows(&laptop, has_both).await;
    let read = raw.get("/entities").await.json();
    assert_eq!(read["iterable"][0], engines, "as the cloud says it, members and domains included");
    assert_eq!(engines["users"]["iterable"][0]["id"], ada["id"]);
    assert_eq!(
        (&read["iterable"][1]["id"], &read["indices"]),
        (&json!("local"), &json!({ "local": 1, engines["id"].as_str().unwrap(): 0 }))
    );
    let of_engines = format!("/entity/{}", engines["id"].as_str().unwrap());
    assert_eq!(raw.get(&of_engines).await.json(), engines);
    assert_eq!(raw.get("/entity/local").await.json()["name"], "Name of local");
    let foreign = found(&world, "bob").await;
    let of_bob = format!("/entity/{}", foreign["id"].as_str().unwrap());
    assert_eq!(raw.get(&of_bob).await.outcome(), (404, Some("not_found")));
    // Nobody to ask: what is known of them is on the profile.
    world.node.kill();
    let known = raw.get("/entities").await.json();
    assert_eq!(known["iterable"][0]["name"], "Analytical Engines", "{known}");
    assert_eq!(
        (&known["iterable"][0]["domains"], &known["iterable"][1]["id"]),
        (&Value::Null, &json!("local"))
    );
    assert_eq!(raw.get(&of_engines).await.json()["id"], engines["id"]);
}

#[tokio::test]
async fn what_the_cloud_has_no_service_for_is_its_own_word() {
    let Some(mut world) = World::start() else { return };
    let laptop = world.device("ada").await;
    let raw = Raw::new(&laptop);
    let paid = raw.get("/user/paddle/refresh").await;
    assert_eq!((paid.status, &paid.json()["user"]["name"]), (200, &json!("ada")), "{paid:?}");
    assert_eq!(raw.get("/allocations").await.json()["iterable"], json!([]));
    assert_eq!(raw.get("/subscriptions").await.json()["iterable"], json!([]));
    for path in ["/allocation/x", "/subscription/x"] {
        assert_eq!(raw.get(path).await.outcome(), (404, Some("not_found")), "{path}");
    }
    for path in
        ["/allocations/connect", "/allocations/disconnect", "/user/checkout", "/user/manage/subscriptions"]
    {
        let reply = raw.post(path).await;
        assert_eq!(reply.outcome(), (501, Some("not_available_here")), "{path}: {reply:?}");
        assert!(reply.body.starts_with("this cloud "), "{path}: {reply:?}");
    }
    world.node.kill();
    for path in ["/user/paddle/refresh", "/allocations", "/allocation/x", "/subscriptions", "/subscription/x"]
    {
        assert_eq!(raw.get(path).await.outcome(), (500, Some("unreachable")), "{path}");
    }
    assert_eq!(raw.user().await["name"], "ada");
}

#[tokio::test]
async fn an_account_older_than_the_cloud_keeps_its_id() {
    let Some(world) = World::start() else { return };
    let mut laptop = Daemon::start_with(|data| configure(data, world.provider.url(), ""));
    let here = world.sign_in(&laptop, "ada").await;
    let there = world.at_cloud("ada").await["id"].clone();
    assert_ne!(there, json!(here));
    laptop.stop();
    configure(&laptop.data_dir(), world.provider.url(), &format!("cloud = \"{}\"\n", world.node.url()));
    laptop.start_again();
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    let raw = Raw::new(&laptop);
    let mut stream = raw.socket("/user/stream").await;
    assert_eq!(stream.json().await["id"], json!(here));
    // In and out, and nothing of the other id shows.
    edit(&laptop, json!({ "name": "Countess" })).await;
    until(async || Some(world.at_cloud("ada").await).filter(|user| user["name"] == "Countess")).await;
    world.node.rename(&world.token("ada").await, "Augusta").await;
    shows(&laptop, |user| user["name"] == "Augusta").await;
    let engines = found(&world, "ada").await;
    shows(&laptop, |user| user["entities"].is_object()).await;
    let vision = json!({ "user": here, "auth0": { "vision": { "continuous": true } } });
    let status = raw.send("/user/beta/status", &vision).await;
    assert_eq!((status.status, &status.json()["user"]), (200, &json!(here)), "{status:?}");
    let leave = format!("/user/{here}/entities/disassociate/{}", engines["id"].as_str().unwrap());
    assert_eq!(raw.post(&leave).await.outcome(), (403, Some("not_allowed")), "the cloud knows whom we mean");
    assert_eq!(refresh(&laptop).await.json()["id"], json!(here));
    for path in ["/user", "/users", "/entities", "/user/refresh", "/user/paddle/refresh"] {
        let reply = raw.get(path).await;
        assert!(reply.status == 200 && reply.body.contains(&here), "{path}: {reply:?}");
        assert!(!reply.body.contains(there.as_str().unwrap()), "{path}: {reply:?}");
    }
    let other = raw.get(&format!("/users/{}", there.as_str().unwrap())).await;
    assert_eq!(other.outcome(), (404, Some("not_found")));
}
