//! Versions of schema and software that do not fit each other, and a file that another node has.

use super::{Database, World, node::Place, on_both, profile, world};
use crate::steps::ended;

on_both![an_older_node_refuses_a_newer_schema_and_one_that_runs_goes_on];

/// Sets the version of the schema, as migrations do, and answers which it was.
fn set_version(place: &Place, version: i64) -> i64 {
    match place {
        Place::File(_) => {
            let file = rusqlite::Connection::open(place.text()).unwrap();
            let before = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            file.pragma_update(None, "user_version", version).unwrap();
            before
        }
        Place::Server(server) => {
            let sql = "SELECT version FROM schema_version";
            let before = server.ask(&server.url(), sql).unwrap().parse().unwrap();
            server.ask(&server.url(), &format!("UPDATE schema_version SET version = {version}")).unwrap();
            before
        }
    }
}

async fn an_older_node_refuses_a_newer_schema_and_one_that_runs_goes_on(database: Database) {
    let mut world = world!(database);
    let (ada, place) = (world.token("ada").await, world.node.place());
    world.node.rename(&ada, "Countess").await;
    let known = set_version(&place, 99);
    world.node.rename(&ada, "Augusta").await;
    if let Place::Server(server) = &place {
        // New connections do not ask for the version either.
        server.kill();
        server.start_again();
        world.node.rename(&ada, "Ada King").await;
    }
    world.node.rename(&ada, "Lady Byron").await;
    world.node.stop();
    for arguments in [&["migrate"][..], &["--listen", "127.0.0.1:0"]] {
        let refused = ended(&mut world.node.command(arguments));
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused}");
        let words = format!("was written by a newer version (schema 99, this one knows {known})");
        assert!(refused.stderr.contains(&words), "{refused}");
    }
    assert_eq!(set_version(&place, known), 99, "it was left as it is");
    world.node.start_again();
    assert_eq!(profile(&world.node.get(&ada, "/user").await)["user"]["name"], "Lady Byron");
}

#[tokio::test]
async fn a_second_node_on_one_file_is_refused_and_the_first_goes_on() {
    let Some(mut world) = World::start(Database::Sqlite, "") else { return };
    let ada = world.token("ada").await;
    world.node.rename(&ada, "Countess").await;
    let file = world.node.place().text();
    let link = format!("{file}.link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for database in [&file, &link] {
        for arguments in [&["migrate"][..], &["--listen", "127.0.0.1:0"]] {
            let second = ended(world.node.command(arguments).env("USHER_CLOUD_DATABASE", database));
            assert_eq!((second.code, second.stdout.as_str()), (3, ""), "{second}");
            let words = format!("error: another process uses {database}: stop that one first");
            assert!(second.stderr.contains(&words), "{second}");
        }
    }
    world.node.rename(&ada, "Augusta").await;
    // However it ends, the next one gets in.
    world.node.kill();
    world.node.start_again();
    world.node.stop();
    assert_eq!(world.node.cli(&["migrate"]).code, 0);
}
