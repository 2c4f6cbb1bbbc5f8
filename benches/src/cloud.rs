//! The rows of a cloud: nodes with a PostgreSQL server, NATS and an identity provider of their own. Databases and NATS run on
//! the server's core; nodes, and what they are compared with, share the other one with the load.

mod changes;
mod node;
mod people;
mod services;

use std::path::PathBuf;

pub(crate) use changes::{across_devices, across_nodes, reconnect};
pub(crate) use node::sizing;
pub(crate) use people::{get, many};

/// The programs that rows of a cloud need.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Programs {
    /// The folder with the programs of PostgreSQL, for rows of a cloud
    #[arg(long, value_name = "DIR")]
    pub(crate) postgres: Option<PathBuf>,
    /// The program `nats-server`, for rows of a cloud
    #[arg(long, value_name = "FILE")]
    pub(crate) nats: Option<PathBuf>,
    /// The program of the identity provider in `tests/oidc`, beside its packages, for rows of a cloud
    #[arg(long, value_name = "FILE")]
    pub(crate) provider: Option<PathBuf>,
}
