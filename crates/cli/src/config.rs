//! The settings of the daemon: flags, then the environment, then the configuration file, then defaults.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use usher_device::{Identity, IssuerSettings, TokenStore, check_cloud};
use usher_http::Limits;

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
    /// `token_store`, `USHER_TOKEN_STORE`: where the key is that seals tokens.
    pub(crate) token_store: Option<TokenStore>,
    /// `cloud`, `USHER_CLOUD`: the cloud that accounts are kept in step with.
    pub(crate) cloud: Option<String>,
    /// `sign_in_within`: seconds a sign-in waits for the person.
    pub(crate) sign_in_within: Option<u64>,
    /// `issuer_within`: seconds one exchange with an identity provider may take.
    pub(crate) issuer_within: Option<u64>,
    /// `[[issuer]]`: the identity providers, the default first.
    pub(crate) issuer: Vec<IssuerSettings>,
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
            token_store: given.token_store.or(of_file.token_store),
            cloud: given.cloud.or(of_file.cloud),
            sign_in_within: of_file.sign_in_within,
            issuer_within: of_file.issuer_within,
            issuer: of_file.issuer,
        };
        for issuer in &settings.issuer {
            issuer.check().map_err(|why| anyhow::anyhow!("issuer {}: {why}", issuer.url))?;
        }
        if let Some(cloud) = &settings.cloud {
            // There may be a password in it.
            check_cloud(cloud)
                .map_err(|why| anyhow::anyhow!("the address of the cloud cannot be used: {why}"))?;
        }
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
        toml::from_str(&text).map_err(|error| unread(path, &text, &error))
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

/// Where a configuration is wrong, and why, without what stands there: it may be a password.
pub(crate) fn unread(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
    let why = error.message();
    let why = match (why.find('"'), why.rfind('"')) {
        (Some(begin), Some(end)) => format!("{}...{}", &why[..=begin], &why[end..]),
        _ => why.to_owned(),
    };
    anyhow::anyhow!("{}, line {line}: {why}", path.display())
}

impl Settings {
    /// How people sign in.
    pub(crate) fn identity(&self) -> Identity {
        let usual = Identity::default();
        let seconds =
            |given: Option<u64>, usual| given.map_or(usual, |given| Duration::from_secs(given.max(1)));
        Identity {
            issuers: self.issuer.clone(),
            cloud: self.cloud.clone(),
            token_store: self.token_store.unwrap_or(usual.token_store),
            opens_browser: !self.no_browser.unwrap_or_default(),
            sign_in_within: seconds(self.sign_in_within, usual.sign_in_within),
            issuer_within: seconds(self.issuer_within, usual.issuer_within),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_default() {
        let example: Settings = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(format!("{example:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn every_key_of_the_example_exists() {
        let with_all: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let settings: Settings = toml::from_str(&with_all).unwrap();
        // Named one by one, so that a new key must appear here and in the example.
        let usual = Identity::default();
        let identity = settings.identity();
        assert_eq!(identity.token_store, TokenStore::File);
        assert_eq!(
            (identity.sign_in_within, identity.issuer_within),
            (usual.sign_in_within, usual.issuer_within)
        );
        let Settings {
            listen,
            data_dir,
            no_browser,
            guard,
            hosts,
            allow_uids,
            max_connections,
            max_streams,
            token_store,
            cloud,
            sign_in_within,
            issuer_within,
            issuer,
        } = settings;
        issuer[0].check().unwrap();
        check_cloud(&cloud.unwrap()).unwrap();
        assert!(!listen.is_empty() && !hosts.is_empty() && !allow_uids.is_empty());
        assert!(token_store.is_some() && sign_in_within.is_some() && issuer_within.is_some());
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
    fn an_issuer_that_nobody_can_trust_is_refused() {
        let refused = |issuer: &str| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("usher.toml");
            std::fs::write(&file, format!("[[issuer]]\n{issuer}")).unwrap();
            Settings::read(Settings::default(), Some(&file)).err().map(|error| format!("{error:#}"))
        };
        assert_eq!(refused("url = 'https://id.example.org'\nclient_id = 'usher'"), None);
        assert_eq!(refused("url = 'http://127.0.0.1:9400'\nclient_id = 'usher'"), None);
        for (issuer, why) in [
            ("url = 'http://id.example.org'\nclient_id = 'usher'", "must be https"),
            ("url = 'https://id.example.org/?x=1'\nclient_id = 'usher'", "query"),
            ("url = 'https://id.example.org'\nclient_id = ' '", "client_id"),
            ("url = 'https://id.example.org'\nclient_id = 'usher'\nscopes = ['email']", "openid"),
            ("url = 'id.example.org'\nclient_id = 'usher'", "line 2: relative URL"),
            ("url = 'https://id.example.org'", "client_id"),
        ] {
            assert!(refused(issuer).unwrap_or_default().contains(why), "{issuer}: {:?}", refused(issuer));
        }
        // What stands in the wrong place may be a secret all the same.
        for secret in ["= 'hunter2", "= ['hunter2']", "'hunter2'", "= 'hunter2' 'hunter2'"] {
            let issuer =
                format!("url = 'https://id.example.org'\nclient_id = 'usher'\nclient_secret {secret}");
            let told = refused(&issuer).unwrap();
            assert!(told.contains("line 4") && !told.contains("hunter2"), "{told}");
        }
        let scopes =
            refused("url = 'https://id.example.org'\nclient_id = 'usher'\nscopes = 'hunter2'").unwrap();
        assert!(scopes.contains("line 4: invalid type") && !scopes.contains("hunter2"), "{scopes}");
    }

    #[test]
    fn a_device_is_not_for_the_network() {
        let given = Settings { listen: vec!["0.0.0.0:1000".parse().unwrap()], ..Settings::default() };
        assert!(Settings::read(given, None).unwrap_err().to_string().contains("loopback"));
    }
}
