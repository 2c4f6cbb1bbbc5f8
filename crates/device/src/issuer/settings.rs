//! What the configuration says about identity providers.

use std::time::Duration;

use serde::Deserialize;
use url::Url;
use usher_wire::Secret;

use super::outbound::is_safe;

/// Identity providers, and how this device signs in with them.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The providers, the default first.
    pub issuers: Vec<IssuerSettings>,
    /// Where the key is kept that seals tokens.
    pub token_store: TokenStore,
    /// Whether a browser may be opened.
    pub opens_browser: bool,
    /// How long a sign-in waits for the person.
    pub sign_in_within: Duration,
    /// How long one exchange with a provider may take.
    pub issuer_within: Duration,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            token_store: TokenStore::Keyring,
            opens_browser: false,
            sign_in_within: Duration::from_secs(300),
            issuer_within: Duration::from_secs(30),
        }
    }
}

/// Where the key is kept that seals tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenStore {
    /// The keyring of the system.
    Keyring,
    /// A file in the data directory that only its owner can read.
    File,
}

impl TokenStore {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}

impl std::str::FromStr for TokenStore {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Keyring, Self::File]
            .into_iter()
            .find(|store| store.as_str() == word)
            .ok_or_else(|| format!("`{word}` is neither `keyring` nor `file`"))
    }
}

/// One identity provider (`[[issuer]]`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// `url`: its issuer identifier; `.well-known/openid-configuration` is below it.
    pub url: Url,
    /// `client_id`: the client registered there for Usher, a native or public one.
    pub client_id: String,
    /// `client_secret`: for providers that give native clients one all the same.
    pub client_secret: Option<Secret>,
    /// `audience`: the API that access tokens are for, where the provider wants it named.
    pub audience: Option<String>,
    /// `scopes`: what is asked for.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// `name`: what people call it.
    pub name: Option<String>,
    /// `icon`: URL of a picture.
    pub icon: Option<String>,
    /// `kind`: whose claims it sends.
    #[serde(default)]
    pub kind: IssuerKind,
    /// `redirect_ports`: for providers that do not take any port of 127.0.0.1, those registered there.
    #[serde(default)]
    pub redirect_ports: Vec<u16>,
}

/// Whose claims a provider sends beside the standard ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerKind {
    /// Told by the host name.
    #[default]
    Auto,
    /// Auth0.
    Auth0,
    /// Descope.
    Descope,
    /// Nobody's.
    Generic,
}

fn usual_scopes() -> Vec<String> {
    ["openid", "profile", "email", "offline_access"].map(str::to_owned).into()
}

impl IssuerSettings {
    /// Refuses what cannot be signed in with.
    pub fn check(&self) -> Result<(), &'static str> {
        if !is_safe(&self.url) {
            return Err("must be https (http only on this machine)");
        }
        if self.url.query().is_some() || self.url.fragment().is_some() {
            return Err("has a query or a fragment; the issuer is the part before `/.well-known/`");
        }
        if self.client_id.trim().is_empty() {
            return Err("`client_id` is empty; register a native client there");
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err("`scopes` lacks `openid`");
        }
        Ok(())
    }

    /// Its URL as it is stored and shown: without a slash at its end.
    pub fn id(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// What everybody may know of it.
    pub(crate) fn about(&self) -> usher_wire::Issuer {
        usher_wire::Issuer { url: self.id().to_owned(), name: self.name.clone(), icon: self.icon.clone() }
    }

    /// Whose claims it sends.
    pub(crate) fn kind(&self) -> IssuerKind {
        let host = self.url.host_str().unwrap_or_default();
        match self.kind {
            IssuerKind::Auto if host.ends_with(".auth0.com") => IssuerKind::Auth0,
            IssuerKind::Auto if host == "descope.com" || host.ends_with(".descope.com") => {
                IssuerKind::Descope
            }
            IssuerKind::Auto => IssuerKind::Generic,
            kind => kind,
        }
    }
}
