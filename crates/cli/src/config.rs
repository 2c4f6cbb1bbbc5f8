//! The settings of the daemon: flags, then the environment, then the configuration file, then defaults.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use usher_http::Limits;

/// The commented example, which is also the documentation of the keys.
pub(crate) const EXAMPLE: &str = include_str!("../../../usher.example.toml");

/// What `usher serve` can be told.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// `listen`, `USHER_LISTEN`: the only addresses to listen on; none means the ports clients look at.
    pub(crate) listen: Vec<SocketAddr>,
    /// `data_dir`, `USHER_DATA_DIR`: where data is kept.
    pub(crate) data_dir: Option<PathBuf>,
    /// `no_browser`, `USHER_NO_BROWSER`: never open a browser.
    pub(crate) no_browser: Option<bool>,
    /// `guard`, `USHER_GUARD`: how foreign web pages are treated.
    pub(crate) guard: Option<Guard>,
    /// `hosts`, `USHER_HOSTS`: more names, with their port, under which callers may ask.
    pub(crate) hosts: Vec<String>,
    /// `allow_uids`, `USHER_ALLOW_UIDS`: other users of this machine that may call.
    pub(crate) allow_uids: Vec<u32>,
    /// `max_connections`, `USHER_MAX_CONNECTIONS`: connections at once.
    pub(crate) max_connections: Option<NonZeroUsize>,
    /// `max_streams`, `USHER_MAX_STREAMS`: streams at once of one application.
    pub(crate) max_streams: Option<NonZeroUsize>,
}

/// How foreign web pages are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Guard {
    /// Only pages of approved origins may call
    Strict,
    /// Pages of this machine may call without approval; they get no tokens
    Legacy,
}

impl Settings {
    /// What was `given` as flags or in the environment, completed from the file.
    pub(crate) fn read(given: Self, file: Option<&Path>) -> anyhow::Result<Self> {
        let usual = dirs::config_dir().map(|folder| folder.join("usher").join("usher.toml"));
        let path = file.map(Path::to_owned).or_else(|| usual.filter(|path| path.exists()));
        let of_file = path.as_deref().map(Self::parse).transpose()?.unwrap_or_default();
        let settings = Self {
            listen: if given.listen.is_empty() { of_file.listen } else { given.listen },
            data_dir: given.data_dir.or(of_file.data_dir),
            no_browser: given.no_browser.or(of_file.no_browser),
            guard: given.guard.or(of_file.guard),
            hosts: if given.hosts.is_empty() { of_file.hosts } else { given.hosts },
            allow_uids: if given.allow_uids.is_empty() { of_file.allow_uids } else { given.allow_uids },
            max_connections: given.max_connections.or(of_file.max_connections),
            max_streams: given.max_streams.or(of_file.max_streams),
        };
        for address in &settings.listen {
            if !address.ip().is_loopback() {
                bail!(
                    "{address} is no loopback address: a device answers its own machine only, use 127.0.0.1 or [::1]"
                );
            }
        }
        Ok(settings)
    }

    /// How much callers may hold at once.
    pub(crate) fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            connections: self.max_connections.map_or(usual.connections, NonZeroUsize::get),
            streams_per_application: self
                .max_streams
                .map_or(usual.streams_per_application, NonZeroUsize::get),
        }
    }

    fn parse(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a configuration of usher", path.display()))
    }

    /// The chosen data directory, or the system's place for one.
    pub(crate) fn data_dir(&self) -> anyhow::Result<PathBuf> {
        let usual = || dirs::data_local_dir().map(|folder| folder.join("usher"));
        self.data_dir
            .clone()
            .or_else(usual)
            .context("no home directory: choose a data directory with --data-dir")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_default() {
        let example: Settings = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(example, Settings::default());
    }

    #[test]
    fn every_key_of_the_example_exists() {
        let with_all: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let settings: Settings = toml::from_str(&with_all).unwrap();
        // Named one by one, so that a new key must appear here and in the example.
        let Settings { listen, data_dir, no_browser, guard, hosts, allow_uids, max_connections, max_streams } =
            settings;
        assert!(!listen.is_empty() && !hosts.is_empty() && !allow_uids.is_empty());
        assert!(data_dir.is_some() && no_browser.is_some() && guard.is_some());
        let limits = Limits::default();
        assert_eq!(
            max_connections.map(NonZeroUsize::get),
            Some(limits.connections),
            "the example says the default"
        );
        assert_eq!(max_streams.map(NonZeroUsize::get), Some(limits.streams_per_application));
    }

    #[test]
    fn a_device_is_not_for_the_network() {
        let given = Settings { listen: vec!["0.0.0.0:1000".parse().unwrap()], ..Settings::default() };
        assert!(Settings::read(given, None).unwrap_err().to_string().contains("loopback"));
    }
}
