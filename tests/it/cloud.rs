//! A cloud as its callers see it: real nodes on either database, tokens of a real provider, real NATS between them.

mod account;
mod backup;
mod contrib;
mod guide;
pub(crate) mod nats;
mod network;
pub(crate) mod node;
mod nodes;
mod operations;
mod organisations;
mod people;
pub(crate) mod postgres;
mod proxies;
mod schema;
mod sql;
mod streams;
mod traces;
mod trouble;

use serde_json::{Value, json};

use crate::{oidc::provider::Provider, raw::Reply};
use node::Node;

/// A cloud of one node, and the provider whose tokens it takes.
pub(super) struct World {
    pub(super) node: Node,
    pub(super) provider: Provider,
}

impl World {
    /// `None` when the peers cannot be had and the tester allows that.
    fn start(database: Database, more: &str) -> Option<Self> {
        let provider = Provider::start_liar()?;
        let node = Node::start(database.place()?, provider.url(), more, &[]);
        Some(Self { node, provider })
    }

    /// A token of this person, made now.
    pub(super) async fn token(&self, subject: &str) -> String {
        self.provider.token(json!({ "sub": subject, "name": subject })).await
    }
}

/// Which database a test runs on.
#[derive(Clone, Copy)]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    fn place(self) -> Option<node::Place> {
        match self {
            Self::Sqlite => Some(node::Place::of_file()),
            Self::Postgres => postgres::Postgres::start().map(node::Place::Server),
        }
    }
}

/// The same test on both databases.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite { $(#[tokio::test] async fn $test() { super::$test(crate::cloud::Database::Sqlite).await; })+ }
        mod on_postgres { $(#[tokio::test] async fn $test() { super::$test(crate::cloud::Database::Postgres).await; })+ }
    };
}
use on_both;

/// The world of a test, or its end where the peers cannot be had.
macro_rules! world {
    ($database:expr) => {
        world!($database, "")
    };
    ($database:expr, $more:expr) => {
        match crate::cloud::World::start($database, $more) {
            Some(world) => world,
            None => return,
        }
    };
}
use world;

/// The profile in a reply that must be one.
fn profile(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// What a refusal must be: its status and its word.
fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.outcome(), (status, Some(code)), "{reply:?}");
    for word in ["SQL", "sql", "constraint", "postgres", "column", "relation"] {
        assert!(!reply.body.contains(word), "the caller hears of the database: {reply:?}");
    }
}

/// The present in seconds since 1970, as tokens count.
fn seconds_now() -> i64 {
    usher_domain::ambient::Ambient::of_this_machine().now().as_millis() / 1000
}
