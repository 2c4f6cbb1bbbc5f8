//! An operator who takes backups while people write, brings them back elsewhere, and moves to another server.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::Value;

use super::{
    Database, World,
    guide::{Operator, has_programs},
    node::{Node, Place},
    on_both, profile, world,
};
use crate::steps::Over;

on_both![a_backup_taken_while_people_write_has_every_answered_change];

/// Somebody who changes his name all the time, and the last number that was answered.
struct Writer {
    token: String,
    answered: AtomicU64,
}

impl Writer {
    async fn write(&self, node: &Node, over: &AtomicBool) {
        for number in 1.. {
            node.rename(&self.token, &number.to_string()).await;
            self.answered.store(number, Relaxed);
            if over.load(Relaxed) {
                break;
            }
        }
    }

    async fn reaches(&self, number: u64) {
        while self.answered.load(Relaxed) < number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn number_at(&self, node: &Node) -> u64 {
        let name = profile(&node.get(&self.token, "/user").await)["user"]["name"].clone();
        name.as_str().unwrap().parse().unwrap()
    }
}

async fn a_backup_taken_while_people_write_has_every_answered_change(database: Database) {
    let world = world!(database);
    if !has_programs() {
        return;
    }
    let mut writers = Vec::new();
    for name in ["ada", "bob", "eve"] {
        writers.push(Writer { token: world.token(name).await, answered: AtomicU64::new(0) });
    }
    let over = AtomicBool::new(false);
    let backing_up = async {
        let _over = Over(&over);
        join_all(writers.iter().map(|writer| writer.reaches(20))).await;
        let before: Vec<u64> = writers.iter().map(|writer| writer.answered.load(Relaxed)).collect();
        let place = world.node.place();
        let operator = tokio::task::spawn_blocking(move || back_up(&place)).await.unwrap();
        // They were writing all the time, and have not stopped.
        join_all(writers.iter().zip(&before).map(|(writer, number)| writer.reaches(number + 2))).await;
        (before, operator)
    };
    let writing = join_all(writers.iter().map(|writer| writer.write(&world.node, &over)));
    let (_, (before, operator)) = tokio::join!(writing, backing_up);
    let (restored, _folder) = restore(&world, operator);
    for (writer, number) in writers.iter().zip(before) {
        let there = writer.number_at(&restored).await;
        let last = writer.answered.load(Relaxed);
        assert!(
            (number..last).contains(&there),
            "{number} was answered, {there} is there, {last} came later"
        );
        restored.rename(&writer.token, "0").await;
    }
}

fn back_up(place: &Place) -> Operator {
    let operator = Operator::new().variable("USHER_CLOUD_DATABASE", &place.text());
    match place {
        Place::File(_) => {
            assert_eq!(operator.run("sqlite-backup"), "ok\n");
            operator
        }
        Place::Server(server) => {
            let restored =
                format!("postgres://usher_cloud_1:first@{}/usher_cloud_restored", server.address());
            let operator = operator.variable("ADMIN", &server.url()).variable("RESTORED", &restored);
            operator.run("postgres-backup");
            operator
        }
    }
}

/// A node on what was restored, elsewhere, and whose folder that is in.
fn restore(world: &World, operator: Operator) -> (Node, Operator) {
    match world.node.place() {
        Place::File(_) => {
            // There is a database already, with a log, and neither may get in the way.
            let elsewhere = Operator::new();
            let path = elsewhere.path("cloud.db");
            let elsewhere = elsewhere.variable("USHER_CLOUD_DATABASE", path.to_str().unwrap());
            for file in ["cloud.db", "cloud.db-wal"] {
                fs::write(elsewhere.path(file), "of before").unwrap();
            }
            fs::rename(operator.path("backup.db"), elsewhere.path("backup.db")).unwrap();
            elsewhere.run("sqlite-restore");
            assert_eq!(fs::read_to_string(elsewhere.path("cloud.db-wal.old")).unwrap(), "of before");
            #[cfg(unix)]
            assert_eq!(std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o777, 0o600);
            (start(world, path.to_str().unwrap()), elsewhere)
        }
        Place::Server(server) => {
            operator.run("roles");
            operator.run("postgres-restore");
            let restored =
                format!("postgres://usher_cloud_1:first@{}/usher_cloud_restored", server.address());
            (start(world, &restored), operator)
        }
    }
}

/// A node with the settings of the world's on another database.
fn start(world: &World, database: &str) -> Node {
    let mut command = world.node.command(&["--listen", "127.0.0.1:0"]);
    Node::by(command.env("USHER_CLOUD_DATABASE", database))
}

#[tokio::test]
async fn everything_moves_to_another_server_as_the_guide_says() {
    let Some(world) = World::start(Database::Postgres, "") else { return };
    let Place::Server(server) = world.node.place() else { unreachable!("it is a server") };
    let ada = world.token("ada").await;
    world.node.rename(&ada, "Countess").await;
    world.node.post(&ada, "/entities/create", &serde_json::json!({ "name": "Engine" })).await;
    let before = everything(&world.node, &ada).await;
    server.ask(&server.url(), "CREATE DATABASE moved").unwrap();
    let new = format!("postgres://usher@{}/moved", server.address());
    let operator = Operator::new().variable("OLD", &server.url()).variable("NEW", &new);
    fs::write(operator.path("cloud.toml"), operator.file("cloud.toml")).unwrap();
    operator.run("move");
    let moved = start(&world, &new);
    assert_eq!(everything(&moved, &ada).await, before);
    moved.rename(&ada, "Augusta").await;
}

/// What a cloud has of a person, without the moment of the question.
async fn everything(node: &Node, token: &str) -> Value {
    let mut export = profile(&node.get(token, "/user/export").await);
    assert!(export.as_object_mut().unwrap().remove("exported").is_some());
    export
}
