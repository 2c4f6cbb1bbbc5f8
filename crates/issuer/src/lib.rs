//! Identity providers as OpenID Connect describes them: their metadata and keys, what is asked of them, and what their
//! tokens say. Knows nothing of accounts, and serves a device and a cloud alike.

mod claims;
mod grants;
mod keys;
mod outbound;
mod settings;
mod token;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use usher_wire::Timestamp;

pub use claims::Claims;
pub use grants::{Authorization, DeviceCode, Poll, TokenReply, challenge, random_text};
pub use outbound::{Outbound, plain};
pub use settings::{IssuerKind, IssuerSettings};
pub use token::claimed_issuer;
pub use trouble::{Kind, Result, Trouble};

use keys::Keys;
use outbound::is_safe;

/// How long metadata is believed.
const METADATA_FOR: Duration = Duration::from_secs(3600);
/// How long a provider that did not answer is not asked again: everybody who waits would wait his turn.
const FAILED_FOR: Duration = Duration::from_secs(1);

/// One identity provider.
pub struct Issuer {
    /// How it is configured here.
    pub settings: IssuerSettings,
    http: Arc<Outbound>,
    metadata: Mutex<Option<(Instant, Arc<Metadata>)>>,
    /// When discovery failed last, and how.
    failed: Mutex<Option<(Instant, Trouble)>>,
    keys: Keys,
}

/// What a provider says about itself (OpenID Connect Discovery 1.0).
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    /// Its issuer identifier.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    device_authorization_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
    introspection_endpoint: Option<Url>,
    /// Whether each redirect names its issuer (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Issuer {
    /// A provider that is asked through `http`. Nothing is asked yet.
    pub fn new(settings: IssuerSettings, http: Arc<Outbound>) -> Self {
        Self { settings, http, metadata: Mutex::default(), failed: Mutex::default(), keys: Keys::default() }
    }

    /// What the provider says about itself, asked once in an hour.
    pub async fn metadata(&self) -> Result<Arc<Metadata>> {
        let mut cached = self.metadata.lock().await;
        if let Some((at, metadata)) = cached.as_ref()
            && at.elapsed() < METADATA_FOR
        {
            return Ok(Arc::clone(metadata));
        }
        let mut failed = self.failed.lock().await;
        let recently = failed.as_ref().filter(|(at, _)| at.elapsed() < FAILED_FOR);
        let discovered = match recently {
            Some((_, trouble)) => Err(trouble.clone()),
            None => self.discover().await,
        };
        if let Err(trouble) = &discovered
            && recently.is_none()
        {
            *failed = Some((Instant::now(), trouble.clone()));
        }
        match (discovered, cached.as_ref()) {
            (Ok((metadata, _)), _) => {
                let metadata = Arc::new(metadata);
                *cached = Some((Instant::now(), Arc::clone(&metadata)));
                Ok(metadata)
            }
            // Yesterday's addresses are better than none.
            (Err(trouble), Some((_, old))) => {
                tracing::debug!(%trouble, issuer = self.settings.id(), "old metadata is used");
                Ok(Arc::clone(old))
            }
            (Err(trouble), None) => Err(trouble),
        }
    }

    /// Asks for the metadata anew, and answers what the provider's clock shows, if it says.
    pub async fn clock(&self) -> Result<Option<Timestamp>> {
        let (_, date) = self.discover().await?;
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(&date).ok());
        Ok(date.map(|date| Timestamp::new(date.timestamp())))
    }

    async fn discover(&self) -> Result<(Metadata, Option<String>)> {
        let id = self.settings.id();
        let place = format!("{id}/.well-known/openid-configuration");
        let url = Url::parse(&place)
            .map_err(|error| Trouble::new(Kind::Failed, format!("{place} is no URL ({error})")))?;
        let (metadata, date): (Metadata, _) = self.http.get_dated(&url).await?;
        if metadata.issuer.trim_end_matches('/') != id {
            let other = plain(&metadata.issuer);
            return Err(Trouble::new(Kind::Mismatch, format!("{id} says that it is `{other}`")));
        }
        metadata.check(&self.settings.url)?;
        Ok((metadata, date))
    }
}

impl Metadata {
    /// Secrets go to these addresses: in the clear only on this machine, and only for an issuer of this machine.
    fn check(&self, issuer: &Url) -> Result<()> {
        let optional = [
            &self.userinfo_endpoint,
            &self.device_authorization_endpoint,
            &self.revocation_endpoint,
            &self.introspection_endpoint,
        ];
        let required = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        for url in optional.into_iter().flatten().chain(required) {
            if !is_safe(url) || (issuer.scheme() == "https" && url.scheme() != "https") {
                return Err(Trouble::new(
                    Kind::Failed,
                    format!("the provider names an unsafe address: {url}"),
                ));
            }
        }
        Ok(())
    }

    /// Whether there is a device authorization grant.
    pub fn has_device_grant(&self) -> bool {
        self.device_authorization_endpoint.is_some()
    }
}
