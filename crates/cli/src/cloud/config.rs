//! The settings of a node of a cloud: flags, then the environment, then the configuration file, then defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use usher_cloud::{Place, Settings};
use usher_device::IssuerSettings;
use usher_wire::Secret;

use super::Given;

/// The commented example, which is also the documentation of the keys.
pub(super) const EXAMPLE: &str = include_str!("../../../../usher-cloud.example.toml");

/// Connections to a database on a server.
const CONNECTIONS: usize = 16;

/// The keys of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Vec<SocketAddr>,
    database: Option<Secret>,
    database_connections: Option<usize>,
    nats: Vec<Secret>,
    issuer_within: Option<u64>,
    look_every: Option<u64>,
    deletes_after: Option<u64>,
    issuer: Vec<IssuerSettings>,
}

/// What the node is told, and where it listens.
pub(super) fn read(given: Given) -> anyhow::Result<(Settings, Vec<SocketAddr>)> {
    let usual = dirs::config_dir().map(|folder| folder.join("usher").join("usher-cloud.toml"));
    let path = given.config.clone().or_else(|| usual.filter(|path| path.exists()));
    let file = path.as_deref().map(parse).transpose()?.unwrap_or_default();
    let place = place(given.database.map(Secret::from).or(file.database), file.database_connections)?;
    if file.issuer.is_empty() {
        bail!(
            "no identity provider: a cloud knows people by their tokens, so name one as `[[issuer]]` in the configuration"
        );
    }
    for issuer in &file.issuer {
        issuer.check().map_err(|why| anyhow::anyhow!("issuer {}: {why}", issuer.url))?;
    }
    let usual = Settings::new(place);
    let seconds = |given: Option<u64>, usual| given.map_or(usual, |given| Duration::from_secs(given.max(1)));
    let of_file = file.nats.iter().map(|url| url.expose().to_owned()).collect();
    let settings = Settings {
        issuers: file.issuer,
        nats: if given.nats.is_empty() { of_file } else { given.nats },
        issuer_within: seconds(file.issuer_within, usual.issuer_within),
        look_every: seconds(file.look_every, usual.look_every),
        deletes_after: seconds(file.deletes_after, usual.deletes_after),
        ..usual
    };
    let listen = if given.listen.is_empty() { file.listen } else { given.listen };
    let usual = || vec![SocketAddr::from(([127, 0, 0, 1], 39400))];
    Ok((settings, if listen.is_empty() { usual() } else { listen }))
}

/// Where the database is: as told, or in the system's folder for local data.
fn place(told: Option<Secret>, connections: Option<usize>) -> anyhow::Result<Place> {
    let Some(told) = told else {
        let folder =
            dirs::data_local_dir().context("no home directory: choose a database with --database")?;
        let folder = folder.join("usher-cloud");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        return Ok(Place::Sqlite(folder.join("cloud.db")));
    };
    let text = told.expose();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Place::Postgres(told, connections.unwrap_or(CONNECTIONS).max(1)));
    }
    if text.contains("://") {
        bail!("this kind of database is not known: give a postgres:// URL, or the path of an SQLite file");
    }
    Ok(Place::Sqlite(PathBuf::from(text)))
}

fn parse(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a configuration of a cloud", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_example_exists() {
        let with_all: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        // Named one by one, so that a new key must appear here and in the example.
        let File {
            listen,
            database,
            database_connections,
            nats,
            issuer_within,
            look_every,
            deletes_after,
            issuer,
        } = toml::from_str(&with_all).unwrap();
        issuer[0].check().unwrap();
        assert!(!listen.is_empty() && !nats.is_empty());
        let usual = Settings::new(place(database, database_connections).unwrap());
        assert!(matches!(usual.place, Place::Postgres(_, CONNECTIONS)), "the example says the default");
        let seconds =
            [issuer_within, look_every, deletes_after].map(|given| Duration::from_secs(given.unwrap()));
        assert_eq!(seconds, [usual.issuer_within, usual.look_every, usual.deletes_after]);
    }
}
