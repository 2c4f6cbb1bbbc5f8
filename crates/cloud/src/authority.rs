//! Who holds a token. A token is checked with its identity provider once, and believed for a minute.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::MonotonicClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};
use usher_domain::ambient::Ambient;
use usher_issuer::{Claims, Issuer, Kind, Outbound, Trouble, claimed_issuer};
use usher_wire::{Caller, Code, Error, Result, Secret};

use crate::Settings;

/// How long a token is believed without asking again, in milliseconds.
const BELIEVED_FOR: i64 = 60_000;
/// How far the clocks of a provider and of this machine may be apart, in milliseconds.
pub(crate) const SKEW: i64 = 60_000;
/// What the name of a session begins with that lasts as long as one token.
pub(crate) const TOKEN_SESSION: &str = "token:";
/// Tokens remembered at once.
const MOST: usize = 100_000;

/// Counts requests of persons.
type Limiter = RateLimiter<String, HashMapStateStore<String>, MonotonicClock>;

/// Checks tokens.
pub(crate) struct Authority {
    issuers: Vec<Arc<Issuer>>,
    known: Mutex<HashMap<[u8; 32], Arc<Bearer>>>,
    limiter: Option<Limiter>,
    ambient: Ambient,
}

/// What a token says of its holder.
pub(crate) struct Bearer {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) claims: Claims,
    /// The session by the token itself; see [`Bearer::session`].
    own_session: String,
    has_sid: bool,
    /// When the token was made, in milliseconds since 1970; 0 when it does not say.
    pub(crate) issued_at: i64,
    /// When it ends.
    pub(crate) expires_at: i64,
    believed_until: i64,
}

impl Bearer {
    /// Whose name the person has there.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.settings.id()
    }

    /// What tells this device or program from the person's others: the provider's session, else what the device says
    /// (a thief could say something else, so it comes second), else the token.
    pub(crate) fn session(&self, caller: &Caller) -> String {
        match &caller.session {
            Some(session) if !self.has_sid => format!("device:{session}"),
            _ => self.own_session.clone(),
        }
    }
}

impl Authority {
    pub(crate) fn new(settings: &Settings, ambient: Ambient) -> Self {
        let http = Arc::new(Outbound::new(settings.issuer_within));
        let issuers = settings.issuers.iter().cloned();
        Self {
            issuers: issuers.map(|issuer| Arc::new(Issuer::new(issuer, Arc::clone(&http)))).collect(),
            known: Mutex::default(),
            limiter: settings.requests_per_second.map(|rate| {
                let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(9));
                RateLimiter::new(
                    Quota::per_second(rate).allow_burst(burst),
                    HashMapStateStore::default(),
                    MonotonicClock,
                )
            }),
            ambient,
        }
    }

    /// The holder of the caller's token. 401 when there is none or it is not valid; a provider that cannot be asked is
    /// another matter.
    pub(crate) async fn bearer(&self, caller: &Caller) -> Result<Arc<Bearer>> {
        let bearer = self.check(caller).await?;
        let Some(limiter) = &self.limiter else { return Ok(bearer) };
        let person = format!("{} {}", bearer.issuer(), bearer.claims.subject());
        match limiter.check_key(&person) {
            Ok(()) => Ok(bearer),
            Err(_) => Err(Error::new(
                Code::TooManyRequests,
                "too many requests of this person: wait a second and try again",
            )),
        }
    }

    /// Forgets who was silent for a while.
    pub(crate) fn forget(&self) {
        self.limiter.iter().for_each(RateLimiter::retain_recent);
        let now = self.ambient.now().as_millis();
        self.known().retain(|_, bearer| now < bearer.believed_until);
    }

    async fn check(&self, caller: &Caller) -> Result<Arc<Bearer>> {
        let token = caller.bearer.as_ref().ok_or_else(|| {
            refused("this cloud wants to know who asks: send `Authorization: Bearer` with an access token")
        })?;
        let now = self.ambient.now().as_millis();
        let hash: [u8; 32] = Sha256::digest(token.expose()).into();
        if let Some(known) = self.known().get(&hash)
            && now < known.believed_until
        {
            return if now < known.expires_at.saturating_add(SKEW) {
                Ok(Arc::clone(known))
            } else {
                Err(expired())
            };
        }
        let bearer = Arc::new(self.ask(token, &hash, now).await?);
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, bearer| now < bearer.believed_until);
            if known.len() >= MOST {
                known.clear();
            }
        }
        known.insert(hash, Arc::clone(&bearer));
        Ok(bearer)
    }

    async fn ask(&self, token: &Secret, hash: &[u8; 32], now: i64) -> Result<Bearer> {
        let text = token.expose();
        let (issuer, claims) = match claimed_issuer(text) {
            Some(name) => {
                let name = name.trim_end_matches('/');
                let issuer = self.issuers.iter().find(|issuer| issuer.settings.id() == name);
                let issuer = issuer.ok_or_else(|| {
                    refused("the token is of an identity provider that is not trusted here")
                })?;
                (issuer, issuer.bearer_claims(text, self.ambient.now()).await.map_err(told)?)
            }
            None => self.ask_all(text).await?,
        };
        let own_session = match claims.session() {
            Some(session) => format!("sid:{session}"),
            None => {
                let digits: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{TOKEN_SESSION}{digits}")
            }
        };
        // One that does not say when it ends is asked for again soon.
        let expires_at = claims.expires().map_or(now + BELIEVED_FOR, |seconds| seconds.saturating_mul(1000));
        Ok(Bearer {
            issuer: Arc::clone(issuer),
            own_session,
            has_sid: claims.session().is_some(),
            issued_at: claims.issued().unwrap_or_default().saturating_mul(1000),
            expires_at,
            believed_until: now + BELIEVED_FOR,
            claims,
        })
    }

    /// A token that only its provider can read does not say who that is.
    async fn ask_all(&self, token: &str) -> Result<(&Arc<Issuer>, Claims)> {
        let mut last = refused("no identity provider is configured here: add an `[[issuer]]`");
        for issuer in &self.issuers {
            match issuer.bearer_claims(token, self.ambient.now()).await.map_err(told) {
                Ok(claims) => return Ok((issuer, claims)),
                // One that could not be asked may be the one who knows.
                Err(error) if last.code == Code::UpstreamFailed => drop(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<Bearer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A provider that is not there makes nobody a stranger.
fn told(trouble: Trouble) -> Error {
    match trouble.kind {
        Kind::Invalid | Kind::Mismatch => refused(&format!("{}: get a fresh access token", trouble.message)),
        Kind::Clock => expired(),
        _ => {
            tracing::warn!(why = trouble.message, "the identity provider could not be asked about a token");
            Error::new(
                Code::UpstreamFailed,
                format!(
                    "the identity provider could not be asked about the token ({}): try again in a moment",
                    trouble.message
                ),
            )
        }
    }
}

fn expired() -> Error {
    refused("the access token is not valid at this time: get a fresh one")
}

pub(crate) fn refused(message: &str) -> Error {
    Error::new(Code::NotSignedIn, message)
}
