//! Versions of schema and software that do not fit each other, and a file that another node has.

use serde_json::json;

use super::{
    Database, World,
    node::{Node, Place},
    on_both, profile, world,
};
use crate::{oidc::provider::Provider, steps::ended};

on_both![
    an_older_node_refuses_a_newer_schema_and_one_that_runs_goes_on,
    an_older_database_is_brought_up_to_date_with_what_is_in_it,
];

/// The schema before pushes had ids.
const OLDER: [&str; 5] = [
    include_str!("../../../crates/domain/migrations/0001_accounts.sql"),
    include_str!("../../../crates/domain/migrations/0002_trust.sql"),
    include_str!("../../../crates/domain/migrations/0003_sessions.sql"),
    include_str!("../../../crates/domain/migrations/0004_cloud.sql"),
    include_str!("../../../crates/domain/migrations/0005_cloud_device.sql"),
];

/// What a statement answers, however it is kept.
fn ask(place: &Place, sql: &str) -> String {
    match place {
        Place::File(_) => {
            let file = rusqlite::Connection::open(place.text()).unwrap();
            file.pragma_update(None, "foreign_keys", true).unwrap();
            if sql.starts_with("SELECT") {
                return file.query_row(sql, [], |row| row.get(0)).unwrap();
            }
            file.execute_batch(sql).unwrap();
            String::new()
        }
        Place::Server(server) => server.ask(&server.url(), &sql.replace(" BLOB", " BYTEA")).unwrap(),
    }
}

async fn an_older_database_is_brought_up_to_date_with_what_is_in_it(database: Database) {
    let Some(provider) = Provider::start_liar() else { return };
    let Some(place) = database.place() else { return };
    OLDER.iter().for_each(|migration| drop(ask(&place, migration)));
    ask(
        &place,
        "INSERT INTO users (id, document, beta, revision, updated_at) VALUES ('u', '{}', '{}', 1, 1);
         INSERT INTO queued_edits (user_id, place, members) VALUES ('u', 3, '{}'), ('u', 4, '{}');
         INSERT INTO user_sessions (user_id, id, issuer, created_at, seen_at) VALUES ('u', 's', 'i', 1, 1);",
    );
    match &place {
        Place::File(_) => ask(&place, "PRAGMA application_id = 1433626738; PRAGMA user_version = 5"),
        Place::Server(_) => ask(
            &place,
            "CREATE TABLE schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL);
             INSERT INTO schema_version (id, version) VALUES (1, 5)",
        ),
    };
    let mut node = Node::start(place.clone(), provider.url(), "", &[]);
    let token = provider.token(json!({ "sub": "ada" })).await;
    node.rename(&token, "Countess").await;
    node.stop();
    let ids = "SELECT MIN(id) || ' ' || MAX(id) FROM queued_edits";
    assert_eq!(ask(&place, ids), "u-3 u-4", "each edit that waits has an id of its own");
    ask(&place, "INSERT INTO pushed_edits (user_id, session_id, device, id) VALUES ('u', 's', 'd', 'k')");
    assert_eq!(ask(&place, "SELECT CAST(COUNT(*) AS TEXT) FROM pushed_edits"), "1");
    ask(&place, "DELETE FROM user_sessions WHERE id = 's'");
    assert_eq!(ask(&place, "SELECT CAST(COUNT(*) AS TEXT) FROM pushed_edits"), "0", "gone with the session");
}

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
