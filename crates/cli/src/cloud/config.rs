//! The settings of a node of a cloud: flags, then the environment, then the configuration file, then defaults.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use ipnet::IpNet;
use serde::Deserialize;
use url::Url;
use usher_cloud::{Place, Settings};
use usher_device::IssuerSettings;
use usher_http::{HeaderValue, Tls};
use usher_wire::Secret;

use super::Given;
use crate::config::unread;
use crate::log::Log;

/// The commented example, which is also the documentation of the keys.
pub(super) const EXAMPLE: &str = include_str!("../../../../usher-cloud.example.toml");

/// Connections to a database on a server.
const CONNECTIONS: usize = 16;
/// Requests a second from one address: there may be an office behind it.
const REQUESTS_PER_ADDRESS: u32 = 500;

/// The keys of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Vec<SocketAddr>,
    database: Option<Secret>,
    database_connections: Option<usize>,
    nats: Vec<Secret>,
    issuer_within: Option<u64>,
    tls: Option<TlsFiles>,
    watch: Option<SocketAddr>,
    trusted_proxies: Vec<IpNet>,
    requests_per_address: Option<u32>,
    requests_per_person: Option<u32>,
    otlp: Option<String>,
    log: Option<Log>,
    look_every: Option<u64>,
    deletes_after: Option<u64>,
    minimum_version: Option<String>,
    issuer: Vec<IssuerSettings>,
}

/// `[tls]`: PEM files, read again when they change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
}

/// What a node is told.
pub(super) struct Told {
    pub(super) settings: Settings,
    pub(super) face: Face,
}

/// How it meets the network.
pub(super) struct Face {
    pub(super) listen: Vec<SocketAddr>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) watch: Option<SocketAddr>,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) requests_per_address: Option<NonZeroU32>,
    pub(super) otlp: Option<Url>,
    pub(super) log: Log,
    pub(super) minimum_version: Option<HeaderValue>,
}

/// What the node is told: by flags, the environment, the file, in this order.
pub(super) fn read(given: Given) -> anyhow::Result<Told> {
    let usual = dirs::config_dir().map(|folder| folder.join("usher").join("usher-cloud.toml"));
    let path = given.config.clone().or_else(|| usual.filter(|path| path.exists()));
    let file = path.as_deref().map(parse).transpose()?.unwrap_or_default();
    if file.issuer.is_empty() {
        bail!(
            "no identity provider: a cloud knows people by their tokens, so name one as `[[issuer]]` in the configuration"
        );
    }
    for issuer in &file.issuer {
        issuer.check().map_err(|why| anyhow::anyhow!("issuer {}: {why}", issuer.url))?;
    }
    // An empty variable of the environment says nothing.
    let database = given.database.filter(|place| !place.is_empty()).map(Secret::from).or(file.database);
    let of_file = file.nats.iter().map(|url| url.expose().to_owned()).collect();
    let mut nats: Vec<String> = if given.nats.is_empty() { of_file } else { given.nats };
    nats.retain(|url| !url.is_empty());
    for (number, url) in (1..).zip(&nats) {
        usher_cloud::check_nats(url).map_err(|why| anyhow::anyhow!("NATS server {number}: {why}"))?;
    }
    let usual = Settings::new(place(database, file.database_connections)?);
    let seconds = |given: Option<u64>, usual| given.map_or(usual, |given| Duration::from_secs(given.max(1)));
    let limit = |given: Option<u32>, usual| given.map_or(usual, NonZeroU32::new);
    let settings = Settings {
        issuers: file.issuer,
        nats,
        issuer_within: seconds(file.issuer_within, usual.issuer_within),
        requests_per_second: limit(file.requests_per_person, usual.requests_per_second),
        look_every: seconds(file.look_every, usual.look_every),
        deletes_after: seconds(file.deletes_after, usual.deletes_after),
        ..usual
    };
    let mut listen = if given.listen.is_empty() { file.listen } else { given.listen };
    if listen.is_empty() {
        listen.push(SocketAddr::from(([127, 0, 0, 1], 39400)));
    }
    let tls = file.tls.map(|files| Tls::read(&files.certificate, &files.key)).transpose()?;
    let face = Face {
        listen,
        tls: tls.map(Arc::new),
        watch: given.watch.or(file.watch),
        trusted_proxies: file.trusted_proxies,
        requests_per_address: limit(file.requests_per_address, NonZeroU32::new(REQUESTS_PER_ADDRESS)),
        otlp: given.otlp.or(file.otlp).as_deref().map(collector).transpose()?,
        log: given.log.or(file.log).unwrap_or_default(),
        minimum_version: file.minimum_version.as_deref().map(version).transpose()?,
    };
    Ok(Told { settings, face })
}

/// Where an OpenTelemetry collector listens.
fn collector(text: &str) -> anyhow::Result<Url> {
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() || url.query().is_some() => {
            bail!("`otlp` must hold no user and no query: headers are set by OTEL_EXPORTER_OTLP_HEADERS")
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => bail!("`otlp` must be the http(s) address of a collector, like http://127.0.0.1:4318"),
    }
}

/// Numbers between dots.
fn version(text: &str) -> anyhow::Result<HeaderValue> {
    if !text.split('.').all(|number| number.parse::<u64>().is_ok()) {
        bail!("`minimum_version` must be numbers between dots, like 0.2.0");
    }
    Ok(HeaderValue::from_str(text)?)
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
    toml::from_str(&text).map_err(|error| unread(path, &text, &error))
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
            tls,
            watch,
            trusted_proxies,
            requests_per_address,
            requests_per_person,
            otlp,
            log,
            look_every,
            deletes_after,
            minimum_version,
            issuer,
        } = toml::from_str(&with_all).unwrap();
        assert!(tls.is_some() && watch.is_some() && !trusted_proxies.is_empty() && log.is_some());
        assert_eq!(requests_per_address, Some(REQUESTS_PER_ADDRESS));
        issuer[0].check().unwrap();
        collector(&otlp.unwrap()).unwrap();
        assert!(collector("127.0.0.1:4318").is_err() && collector("grpc://collector").is_err());
        assert!(
            collector("http://us:secret@collector").is_err() && collector("http://collector?a=b").is_err()
        );
        version(&minimum_version.unwrap()).unwrap();
        assert!(version("soon").is_err());
        assert!(!listen.is_empty() && !nats.is_empty());
        let usual = Settings::new(place(database, database_connections).unwrap());
        assert!(matches!(usual.place, Place::Postgres(_, CONNECTIONS)), "the example says the default");
        assert_eq!(requests_per_person.and_then(NonZeroU32::new), usual.requests_per_second);
        let seconds =
            [issuer_within, look_every, deletes_after].map(|given| Duration::from_secs(given.unwrap()));
        assert_eq!(seconds, [usual.issuer_within, usual.look_every, usual.deletes_after]);
    }
}
