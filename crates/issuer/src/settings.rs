//! What the configuration says about identity providers.

use serde::Deserialize;
use url::Url;
use usher_wire::Secret;

use crate::outbound::is_safe;

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
    /// A provider of which only this is known: enough to look at it.
    pub fn of(url: Url) -> Self {
        Self {
            url,
            client_id: String::new(),
            client_secret: None,
            audience: None,
            scopes: usual_scopes(),
            name: None,
            icon: None,
            kind: IssuerKind::Auto,
            redirect_ports: Vec::new(),
        }
    }

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
    pub fn about(&self) -> usher_wire::Issuer {
        usher_wire::Issuer {
            url: self.id().to_owned(),
            name: self.name.clone(),
            icon: self.icon.clone(),
            redirect: None,
        }
    }

    /// Whose claims it sends.
    pub fn kind(&self) -> IssuerKind {
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
