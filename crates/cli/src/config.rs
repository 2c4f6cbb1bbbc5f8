//! The settings of the daemon: flags, then the environment, then the configuration file, then defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;

/// The commented example, which is also the documentation of the keys.
pub(crate) const EXAMPLE: &str = include_str!("../../../usher.example.toml");

/// What `usher serve` can be told.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// `listen`, `USHER_LISTEN`: the only addresses to listen on; none means the ports clients look at.
    pub(crate) listen: Vec<SocketAddr>,
    /// `data_dir`, `USHER_DATA_DIR`: where data is kept.
    pub(crate) data_dir: Option<PathBuf>,
    /// `no_browser`, `USHER_NO_BROWSER`: never open a browser.
    pub(crate) no_browser: Option<bool>,
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
        assert!(example.listen.is_empty() && example.data_dir.is_none() && example.no_browser.is_none());
    }

    #[test]
    fn every_key_of_the_example_exists() {
        let with_all: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let settings: Settings = toml::from_str(&with_all).unwrap();
        assert!(!settings.listen.is_empty() && settings.data_dir.is_some() && settings.no_browser.is_some());
    }

    #[test]
    fn a_device_is_not_for_the_network() {
        let given = Settings { listen: vec!["0.0.0.0:1000".parse().unwrap()], ..Settings::default() };
        assert!(Settings::read(given, None).unwrap_err().to_string().contains("loopback"));
    }
}
