//! What a token must say to be believed: who made it, for whom, when, and in answer to which question.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use usher_wire::Timestamp;

use crate::claims::Claims;
use crate::keys::is_jwt;
use crate::{Issuer, Kind, Result, Trouble, plain};

/// How far two clocks may be apart.
const SKEW: i64 = 60;

impl Issuer {
    /// The claims of an ID token, checked as OpenID Connect Core 3.1.3.7 says.
    pub async fn id_token(&self, token: &str, nonce: Option<&str>, now: Timestamp) -> Result<Claims> {
        let claims = self.signed(token, now).await?;
        self.check_audience(&claims, &[&self.settings.client_id])?;
        let party = claims.get("azp").and_then(Value::as_str);
        if party.is_some_and(|party| party != self.settings.client_id) {
            return Err(invalid("it was made for another client"));
        }
        if nonce.is_some_and(|nonce| claims.get("nonce").and_then(Value::as_str) != Some(nonce)) {
            return Err(invalid("its nonce is not the one of this sign-in"));
        }
        Claims::new(claims)
    }

    /// The claims of whoever holds this access token: read from it when it is a JWT of this provider, else asked for.
    pub async fn access_token_claims(&self, token: &str, now: Timestamp) -> Result<Claims> {
        if !is_jwt(token) {
            return self.userinfo(token).await;
        }
        let claims = self.signed(token, now).await?;
        if is_id_token(&claims) {
            return Err(invalid("it is an ID token, which says who signed in and opens nothing"));
        }
        // Who has an audience of his own is not meant by tokens for the client (RFC 9068, 4).
        let own = self.settings.audience.as_ref().unwrap_or(&self.settings.client_id);
        self.check_audience(&claims, &[own])?;
        Claims::new(claims)
    }

    /// The same for a service that is called with the token: one it cannot read is asked about (RFC 7662), because what
    /// userinfo says of a token does not say for whom it was made.
    pub async fn bearer_claims(&self, token: &str, now: Timestamp) -> Result<Claims> {
        if is_jwt(token) {
            return self.access_token_claims(token, now).await;
        }
        let metadata = self.metadata().await?;
        let Some(url) = &metadata.introspection_endpoint else {
            return Err(invalid("it cannot be read, and the provider answers no questions about tokens"));
        };
        let claims = self.introspect(url, token).await?;
        if claims.get("active") != Some(&Value::Bool(true)) {
            return Err(invalid("the provider says that it is not valid (any more)"));
        }
        if claims.contains_key("exp") {
            check_times(&claims, now.as_millis().div_euclid(1000))?;
        }
        let own = claims.get("client_id").and_then(Value::as_str) == Some(&self.settings.client_id);
        if claims.contains_key("aud") || !own {
            let wanted = [Some(&self.settings.client_id), self.settings.audience.as_ref()];
            let wanted: Vec<&str> = wanted.into_iter().flatten().map(String::as_str).collect();
            self.check_audience(&claims, &wanted)?;
        }
        Claims::new(claims)
    }

    async fn signed(&self, token: &str, now: Timestamp) -> Result<Map<String, Value>> {
        let metadata = self.metadata().await?;
        let claims = self.keys.verify(&self.http, &metadata.jwks_uri, token).await?;
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        if issuer != metadata.issuer {
            let other = plain(issuer);
            return Err(Trouble::new(Kind::Mismatch, format!("the token is from another issuer, `{other}`")));
        }
        check_times(&claims, now.as_millis().div_euclid(1000))?;
        Ok(claims)
    }

    fn check_audience(&self, claims: &Map<String, Value>, wanted: &[&str]) -> Result<()> {
        let is_wanted = |audience: &Value| audience.as_str().is_some_and(|name| wanted.contains(&name));
        let is_for_us = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(is_wanted),
            Some(one) => is_wanted(one),
            None => false,
        };
        if is_for_us { Ok(()) } else { Err(invalid("its audience is somebody else")) }
    }
}

/// The issuer a token names, before anything of it is believed.
pub fn claimed_issuer(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("iss").and_then(Value::as_str).map(str::to_owned)
}

/// Whether claims are those of an ID token: answers to one question of a sign-in, or so called by Keycloak and Cognito.
fn is_id_token(claims: &Map<String, Value>) -> bool {
    let says = |name: &str, kind: &str| claims.get(name).and_then(Value::as_str) == Some(kind);
    ["nonce", "at_hash", "c_hash"].iter().any(|name| claims.contains_key(*name))
        || says("typ", "ID")
        || says("token_use", "id")
}

/// A token that was made just now and is not good now says that the clocks differ.
fn check_times(claims: &Map<String, Value>, now: i64) -> Result<()> {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64);
    let Some(expires) = seconds("exp") else { return Err(invalid("it says not when it expires")) };
    let clock = |apart: i64, what: &str| {
        let minutes = (apart / 60).max(1);
        Err(Trouble::new(
            Kind::Clock,
            format!(
                "by the clock of this machine the provider's token {what} {minutes} minutes: the two clocks differ"
            ),
        ))
    };
    if now.saturating_sub(expires) >= SKEW {
        return clock(now.saturating_sub(expires), "expired before");
    }
    let begins = seconds("nbf").max(seconds("iat")).unwrap_or(now);
    if begins.saturating_sub(now) > SKEW {
        return clock(begins.saturating_sub(now), "begins in");
    }
    Ok(())
}

fn invalid(why: &str) -> Trouble {
    Trouble::new(Kind::Invalid, format!("the provider's token is not for this sign-in: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(claims: Value, now: i64) -> Option<Kind> {
        check_times(claims.as_object().unwrap(), now).err().map(|trouble| trouble.kind)
    }

    #[test]
    fn a_minute_is_forgiven_and_more_is_named() {
        let claims = json!({ "iat": 1000, "exp": 2000 });
        for now in [940, 1000, 2000, 2059] {
            assert_eq!(outcome(claims.clone(), now), None, "{now}");
        }
        for now in [939, 2060, 400] {
            assert_eq!(outcome(claims.clone(), now), Some(Kind::Clock), "{now}");
        }
        assert_eq!(outcome(json!({ "exp": 2000, "nbf": 1100 }), 1000), Some(Kind::Clock));
        assert_eq!(outcome(json!({ "iat": 1000 }), 1000), Some(Kind::Invalid));
    }
}
