//! What the configuration says about signing in on this device.

use std::time::Duration;

use serde::Deserialize;
use usher_issuer::IssuerSettings;

/// Identity providers, and how this device signs in with them.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The providers, the default first.
    pub issuers: Vec<IssuerSettings>,
    /// The cloud that accounts of these providers are kept in step with.
    pub cloud: Option<String>,
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
            cloud: None,
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
