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

/// The keys as they were fetched last.
#[derive(Default)]
pub(crate) struct Keys(Mutex<Fetched>);

#[derive(Default)]
struct Fetched {
    keys: Vec<Jwk>,
    is_known: bool,
    /// When an unknown key made us fetch again.
    refetched: Option<Instant>,
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
        let may_refetch = fetched.refetched.is_none_or(|at| at.elapsed() >= REFETCH_AFTER);
        if !is_first && may_refetch {
            fetched.refetched = Some(Instant::now());
            fetched.keys = fetch(http, url).await?;
        }
        fetched
            .claims(token, header.alg, header.kid.as_deref())
            .ok_or_else(|| invalid("no key of the provider signed it"))
    }
}

impl Fetched {
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
