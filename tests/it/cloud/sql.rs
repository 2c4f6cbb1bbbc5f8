//! The statements of the store: each is the same text for both databases, and leaves out what distributed engines lack.

use std::{fs, path::PathBuf};

use super::{Database, World, guide::root, node::Place};

/// What is not to be used, because engines that only speak like PostgreSQL do not have it or do it otherwise.
const AVOIDED: [&str; 21] = [
    "LISTEN",
    "NOTIFY",
    "UNLISTEN",
    "ADVISORY",
    "SERIAL",
    "BIGSERIAL",
    "SEQUENCE",
    "NEXTVAL",
    "IDENTITY",
    "TRIGGER",
    "FUNCTION",
    "PROCEDURE",
    "EXTENSION",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "INHERITS",
    "SKIP",
    "FOR UPDATE",
    "FOR SHARE",
    "LOCK TABLE",
];
/// Where one of them is used all the same, once.
const ALLOWED: [(&str, &str); 1] =
    [("FOR UPDATE", "SELECT version FROM schema_version WHERE id = 1 FOR UPDATE")];
/// What older nodes that still run would miss.
const TAKEN_AWAY: [&str; 4] = ["DROP", "RENAME", "TRUNCATE", "ALTER COLUMN"];
/// How a statement begins.
const VERBS: [&str; 9] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "ALTER", "SET", "LOCK"];
/// What takes a statement. As many of them as statements: none is hidden from this test.
const CALLS: [&str; 5] = [".execute(", ".row(", ".rows(", ".batch(", ".query("];

fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = root().join("crates/domain").join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The texts in quotes of a source without its tests and comments, with the constant that some begin with put in.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let lines: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let text = lines.join("\n");
    let found: Vec<String> = text.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    let columns =
        text.split_once("const COLUMNS: &str = \"").map(|(_, rest)| rest.split('"').next().unwrap());
    found.iter().map(|literal| literal.replace("{COLUMNS}", columns.unwrap_or_default())).collect()
}

/// Every statement of the store, with the file it is in.
fn statements() -> Vec<(PathBuf, String)> {
    let begins = |text: &String| text.split(' ').next().is_some_and(|verb| VERBS.contains(&verb));
    let of_file = |(path, text): (PathBuf, String)| {
        literals(&text).into_iter().filter(begins).map(move |sql| (path.clone(), sql)).collect::<Vec<_>>()
    };
    files("src/store").into_iter().flat_map(of_file).collect()
}

/// The words of a statement in upper case, each with a blank around it.
fn words(sql: &str) -> String {
    let word =
        |character: char| if character.is_alphanumeric() { character.to_ascii_uppercase() } else { ' ' };
    let spaced: String = sql.chars().map(word).collect();
    format!(" {} ", spaced.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A migration without its comments.
fn bare(migration: &str) -> String {
    migration.lines().map(|line| line.split("--").next().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_statement_needs_what_distributed_engines_lack() {
    let migrations = files("migrations").into_iter().map(|(path, text)| (path, bare(&text)));
    let all: Vec<_> = statements().into_iter().chain(migrations).collect();
    let mut used = Vec::new();
    for (path, sql) in &all {
        for avoided in AVOIDED {
            if words(sql).contains(&format!(" {avoided} ")) {
                let is_allowed = ALLOWED.contains(&(avoided, sql));
                assert!(is_allowed, "{} uses {avoided}: {sql}", path.display());
                used.push((avoided, sql.as_str()));
            }
        }
    }
    assert_eq!(used, ALLOWED, "what is allowed is used once");
}

#[test]
fn migrations_take_nothing_away_that_a_running_older_node_names() {
    for (path, text) in files("migrations") {
        for taken in TAKEN_AWAY {
            assert!(!words(&bare(&text)).contains(&format!(" {taken} ")), "{}: {taken}", path.display());
        }
    }
}

/// Each statement takes a call, so a statement this test does not see leaves a call over.
#[test]
fn no_statement_is_hidden() {
    for (path, text) in files("src/store") {
        let name = path.file_name().unwrap().to_str().unwrap();
        // What runs statements of others.
        if ["tx.rs", "postgres.rs", "pipeline.rs", "migrate.rs", "writer.rs", "mod.rs"].contains(&name) {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap();
        let calls: usize = CALLS.iter().map(|call| text.matches(call).count()).sum();
        let seen = statements().iter().filter(|(of, _)| *of == path).count();
        assert_eq!(seen, calls, "{name}");
    }
}

#[tokio::test]
async fn both_databases_take_every_statement() {
    let (Some(near), Some(far)) = (World::start(Database::Sqlite, ""), World::start(Database::Postgres, ""))
    else {
        return;
    };
    let file = rusqlite::Connection::open(near.node.place().text()).unwrap();
    let Place::Server(server) = far.node.place() else { unreachable!("it is a server") };
    let of_both: Vec<_> =
        statements().into_iter().filter(|(path, _)| !path.ends_with("migrate.rs")).collect();
    assert!(of_both.len() > 50, "{of_both:?}");
    let mut prepared = String::new();
    for (index, (path, sql)) in of_both.iter().enumerate() {
        file.prepare(sql).unwrap_or_else(|error| panic!("{}: {sql}: {error}", path.display()));
        prepared += &format!("PREPARE s{index} AS {sql};\n");
    }
    server.ask(&server.url(), &prepared).unwrap();
}
