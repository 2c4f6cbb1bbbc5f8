//! What a cloud does when what it stands on breaks: the database, the identity provider, its settings.

use std::time::Duration;

use serde_json::json;

use super::{
    Database, World,
    node::{Node, Place},
    on_both, profile, refused, world,
};
use crate::{contract::until, daemon::masked, raw::Raw};

on_both![a_provider_that_is_gone_makes_nobody_a_stranger, what_was_answered_survives_a_kill];

async fn a_provider_that_is_gone_makes_nobody_a_stranger(database: Database) {
    let mut world = world!(database, "issuer_within = 1");
    let (ada, bob) = (world.token("ada").await, world.token("bob").await);
    world.node.rename(&ada, "Countess").await;
    world.provider.stop();
    assert_eq!(profile(&world.node.get(&ada, "/user").await)["user"]["name"], "Countess");
    // The keys are known, so a token that was never seen can be judged as well.
    assert_eq!(world.node.get(&bob, "/user").await.status, 200);
    refused(&world.node.get(&ada, "/user/refresh").await, 500, "upstream_failed");
    // A node that never saw the provider cannot say anything about a token, and says so.
    world.node.stop();
    let other = Node::start(world.node.place(), world.provider.url(), "issuer_within = 1", &[]);
    refused(&other.get(&ada, "/user").await, 500, "upstream_failed");
}

async fn what_was_answered_survives_a_kill(database: Database) {
    let mut world = world!(database);
    let ada = world.token("ada").await;
    for round in 0..3 {
        let name = format!("Ada {round}");
        world.node.rename(&ada, &name).await;
        world.node.kill();
        world.node.start_again();
        assert_eq!(profile(&world.node.get(&ada, "/user").await)["user"]["name"], name);
    }
}

#[tokio::test]
async fn nobody_waits_for_others_while_the_database_is_frozen() {
    let Some(world) = World::start(Database::Postgres, "") else { return };
    let ada = world.token("ada").await;
    world.node.rename(&ada, "Countess").await;
    let Place::Server(server) = world.node.place() else { unreachable!("it is a server") };
    server.signal("STOP");
    // What is under way is given up after 12 s, and the way to the server after 5 s more, by all at once.
    for most in [16, 9] {
        let begun = std::time::Instant::now();
        let asked = (0..12).map(|_| world.node.get(&ada, "/user"));
        for reply in futures_util::future::join_all(asked).await {
            refused(&reply, 503, "not_ready");
        }
        assert!(begun.elapsed() < Duration::from_secs(most), "{:?}", begun.elapsed());
    }
    server.signal("CONT");
    assert_eq!(profile(&world.node.get(&ada, "/user").await)["user"]["name"], "Countess");
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_without_their_secrets() {
    let Some(world) = World::start(Database::Sqlite, "") else { return };
    for (arguments, word) in [
        (["--nats", "foo://bar"], "NATS server 1"),
        (["--nats", "nats://:::bad"], "NATS server 1"),
        (["--otlp", "http://us:hunter2@127.0.0.1:4318"], "otlp"),
        (["--otlp", "collector"], "otlp"),
    ] {
        let answer = world.node.cli(&arguments);
        assert_eq!(answer.code, 2, "{arguments:?}: {answer}");
        assert!(answer.stderr.contains(word), "{arguments:?}: {answer}");
        assert!(!answer.stderr.contains("hunter2") && !answer.stderr.contains("doctor"), "{answer}");
    }
}

#[tokio::test]
async fn a_new_key_that_cannot_be_fetched_at_first_makes_nobody_a_stranger() {
    let Some(world) = World::start(Database::Sqlite, "") else { return };
    assert_eq!(world.node.get(&world.token("ada").await, "/user").await.status, 200);
    world.provider.rotate().await;
    world.provider.lie(json!({ "keyless": true })).await;
    let ada = world.token("ada").await;
    refused(&world.node.get(&ada, "/user").await, 500, "upstream_failed");
    world.provider.lie(json!({})).await;
    until(async || {
        let reply = world.node.get(&ada, "/user").await;
        assert!(matches!(reply.status, 200 | 500), "{reply:?}");
        (reply.status == 200).then_some(())
    })
    .await;
    // Another one, sooner than keys are asked for again.
    world.provider.rotate().await;
    refused(&world.node.get(&world.token("ada").await, "/user").await, 500, "upstream_failed");
}

#[tokio::test]
async fn what_is_missing_of_a_frozen_transaction_is_in_nobodys_way() {
    let Some(world) = World::start(Database::Postgres, "database_connections = 1") else { return };
    let (ada, bob) = (world.token("ada").await, world.token("bob").await);
    let id = profile(&world.node.get(&ada, "/user").await)["user"]["id"].as_str().unwrap().to_owned();
    world.node.rename(&bob, "Bob").await;
    let Place::Server(server) = world.node.place() else { unreachable!("it is a server") };
    let url = server.url();
    // An edit that waits for its row, in a transaction; and then the server waits, too.
    let lock = format!("BEGIN; SELECT 1 FROM users WHERE id = '{id}' FOR UPDATE; SELECT pg_sleep(2); COMMIT");
    let (locking, place) = (server.clone(), url.clone());
    let locked = tokio::task::spawn_blocking(move || locking.ask(&place, &lock));
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'usher' AND wait_event_type = 'Lock'";
    let body = json!({ "id": id, "name": "Countess" });
    let edit = world.node.post(&ada, "/user/update", &body);
    let freeze = async {
        let is_locked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        until(async || (server.ask(&url, is_locked).unwrap() == "1").then_some(())).await;
    };
    freeze.await;
    let stopped = async {
        until(async || (server.ask(&url, waits).unwrap() == "1").then_some(())).await;
        server.signal("STOP");
        tokio::time::sleep(Duration::from_secs(13)).await;
        server.signal("CONT");
    };
    let (answer, ()) = tokio::join!(edit, stopped);
    refused(&answer, 503, "not_ready");
    locked.await.unwrap().unwrap();
    for name in ["Robert", "Rob"] {
        world.node.rename(&bob, name).await;
    }
    assert_eq!(
        profile(&world.node.get(&ada, "/user").await)["user"]["name"],
        "ada",
        "what was refused is not stored"
    );
}

#[tokio::test]
async fn a_database_that_comes_back_is_used_again() {
    let Some(world) = World::start(Database::Postgres, "") else { return };
    let ada = world.token("ada").await;
    world.node.rename(&ada, "Countess").await;
    let mut stream = world.node.stream(&ada, "/user/stream").await.unwrap();
    stream.json().await;
    let Place::Server(server) = world.node.place() else { unreachable!("it is a server") };
    server.kill();
    refused(&world.node.get(&ada, "/user").await, 503, "not_ready");
    // Asked while the database is away, answered when it is back.
    let waiting = world.node.get(&ada, "/user");
    let (waited, ()) = tokio::join!(waiting, async {
        tokio::task::spawn_blocking(move || server.start_again()).await.unwrap();
    });
    assert!(matches!(waited.status, 200 | 503), "{waited:?}");
    let name = profile(&world.node.get(&ada, "/user").await)["user"]["name"].clone();
    assert_eq!(name, "Countess", "what was answered is there");
    world.node.rename(&ada, "Augusta").await;
    assert_eq!(stream.json().await["name"], "Augusta", "and the stream never ended");
}

#[tokio::test]
async fn health_answers_without_a_token_and_a_device_is_named_where_it_is_meant() {
    let Some(world) = World::start(Database::Sqlite, "") else { return };
    let raw = Raw::at(world.node.url());
    assert_eq!(raw.get("/.well-known/health").await.status, 200);
    assert_eq!(raw.get("/status").await.json()["ready"], true);
    let ada = world.token("ada").await;
    for path in ["/applications", "/origins"] {
        refused(&world.node.get(&ada, path).await, 501, "not_available_here");
    }
    refused(&world.node.post(&ada, "/sign-in", &json!({})).await, 501, "not_available_here");
}

#[test]
fn settings_that_cannot_be_followed_are_refused_in_words() {
    let refused = |database: &str, config: &str| {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("cloud.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = std::process::Command::new(crate::daemon::USHER);
        command.args(["cloud", "--listen", "127.0.0.1:0", "--database", database, "--config"]).arg(&file);
        let answer = crate::steps::ended(command.env_clear().env("HOME", folder.path()));
        (answer.code, masked(&answer.stderr.replace(&folder.path().display().to_string(), "[home]")))
    };
    const ISSUER: &str = "[[issuer]]\nurl = 'https://id.example.org'\nclient_id = 'usher'\n";
    let cases = [
        ("cloud.db", "", 2, "no identity provider"),
        ("mysql://somewhere/usher", ISSUER, 2, "postgres:// URL"),
        ("cloud.db", "[[issuer]]\nurl = 'http://id.example.org'\nclient_id = 'usher'\n", 2, "must be https"),
        ("cloud.db", "listen = 'everywhere'\n", 2, "cloud.toml, line 1: invalid type"),
        ("cloud.db", "# here\nnats = [\"nats://usher:geheim@nats]\n", 2, "cloud.toml, line 2"),
        ("postgres://usher:geheim@[bad", ISSUER, 2, "URL"),
        ("postgres://usher:geheim@127.0.0.1:9/usher", ISSUER, 1, "cannot be used"),
        ("/proc/nowhere/cloud.db", ISSUER, 1, "cannot be used"),
    ];
    for (database, config, code, words) in cases {
        let (ended, said) = refused(database, config);
        assert_eq!(ended, code, "{database}: {said}");
        assert!(said.contains(words) && !said.contains("geheim"), "{database}: {said}");
    }
}

#[tokio::test]
async fn migrating_beforehand_is_the_same_as_starting() {
    let Some(world) = World::start(Database::Postgres, "") else { return };
    for _ in 0..2 {
        let answer = world.node.cli(&["migrate"]);
        assert_eq!((answer.code, answer.stdout.as_str()), (0, "the database is up to date\n"), "{answer}");
    }
    let ada = world.token("ada").await;
    tokio::time::timeout(Duration::from_secs(10), world.node.rename(&ada, "Countess")).await.unwrap();
}
