//! The keys a provider signs with. They are fetched when first needed, and again when a token names one that is not
//! among them or is signed with another: providers rotate keys without telling anybody.

use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::{Kind, Outbound, Result, Trouble};

/// Signatures that only the provider can make. A MAC would be made with what every client knows.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Tokens nobody signed must not make us ask for keys all the time.
const REFETCH_AFTER: Duration = Duration::from_secs(30);

/// How soon after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The keys as they were fetched last.
#[derive(Default)]
pub(crate) struct Keys(Mutex<Fetched>);

#[derive(Default)]
struct Fetched {
    keys: Vec<Jwk>,
    is_known: bool,
    /// When an unknown key made us fetch again, and what became of it.
    refetched: Option<(Instant, Result<()>)>,
}

impl Keys {
    /// The claims of a token that the provider signed. Whether they are true of us is not decided here.
    pub(crate) async fn verify(&self, http: &Outbound, url: &Url, token: &str) -> Result<Map<String, Value>> {
        let header = decode_header(token).map_err(|_| invalid("it is no signed token"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(invalid(&format!("it is signed with {:?}, which proves nothing", header.alg)));
        }
        let mut fetched = self.0.lock().await;
        let is_first = !fetched.is_known;
        if is_first {
            fetched.keys = fetch(http, url).await?;
            fetched.is_known = true;
        }
        if let Some(claims) = fetched.claims(token, header.alg, header.kid.as_deref()) {
            return Ok(claims);
        }
        if !is_first {
            fetched.fetch_again(http, url, header.kid.as_deref()).await?;
        }
        fetched
            .claims(token, header.alg, header.kid.as_deref())
            .ok_or_else(|| invalid("no key of the provider signed it"))
    }
}

impl Fetched {
    /// Fetches the keys again for a token that none of them signed. Where that was done a moment ago, a key that is not
    /// among them may be a new one: then nobody knows.
    async fn fetch_again(&mut self, http: &Outbound, url: &Url, kid: Option<&str>) -> Result<()> {
        match &self.refetched {
            Some((at, Err(trouble))) if at.elapsed() < RETRY_AFTER => return Err(trouble.clone()),
            Some((at, Ok(()))) if at.elapsed() < REFETCH_AFTER => {
                let is_known = |kid| self.keys.iter().any(|key| key.common.key_id.as_deref() == Some(kid));
                return match kid.is_none_or(is_known) {
                    true => Ok(()),
                    false => Err(Trouble::new(
                        Kind::Failed,
                        "the provider's keys were fetched a moment ago, and the one that signed this token is not among them",
                    )),
                };
            }
            _ => {}
        }
        let fetched = fetch(http, url).await.map(|keys| self.keys = keys);
        self.refetched = Some((Instant::now(), fetched.clone()));
        fetched
    }

    fn claims(&self, token: &str, algorithm: Algorithm, kid: Option<&str>) -> Option<Map<String, Value>> {
        // Times, issuer and audience are compared where the clock and the settings are.
        let mut signature = Validation::new(algorithm);
        signature.required_spec_claims.clear();
        signature.validate_exp = false;
        signature.validate_aud = false;
        let named = |key: &&Jwk| kid.is_none() || key.common.key_id.as_deref() == kid;
        self.keys.iter().filter(named).find_map(|key| {
            let key = DecodingKey::from_jwk(key).ok()?;
            decode::<Map<String, Value>>(token, &key, &signature).ok().map(|token| token.claims)
        })
    }
}

/// Whether a token can be read at all; opaque ones are for the provider only.
pub(crate) fn is_jwt(token: &str) -> bool {
    decode_header(token).is_ok()
}

async fn fetch(http: &Outbound, url: &Url) -> Result<Vec<Jwk>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = http.get(url).await?;
    // A key of a kind nobody here knows is no reason to lose the others.
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

fn invalid(why: &str) -> Trouble {
    Trouble::new(Kind::Invalid, format!("the provider's token cannot be trusted: {why}"))
}
