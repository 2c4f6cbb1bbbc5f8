//! What is asked of a provider: a code for tokens, new tokens for old ones, a device code, an end. RFC 6749, 7009, 7636
//! and 8628.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;
use usher_domain::ambient::Ambient;
use usher_wire::Secret;

use crate::{Claims, Issuer, Kind, Metadata, Result, Trouble};

/// What a token endpoint answers. Wanting are only the access token and its kind.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenReply {
    /// What opens doors.
    pub access_token: Secret,
    token_type: String,
    /// Seconds of life of the access token.
    pub expires_in: Option<i64>,
    /// What buys the next access token.
    pub refresh_token: Option<Secret>,
    /// Who signed in.
    pub id_token: Option<Secret>,
    /// What was granted, where it is not what was asked for.
    pub scope: Option<String>,
}

/// A request to the authorization endpoint, and what proves later that the answer belongs to it.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Where the browser goes.
    pub url: Url,
    /// Comes back with the code.
    pub state: Secret,
    /// Comes back in the ID token.
    pub nonce: Secret,
    /// Whose challenge went out (RFC 7636).
    pub verifier: Secret,
    /// Where the browser comes back to.
    pub redirect_uri: String,
}

/// What a device is given to show (RFC 8628, 3.2).
#[derive(Debug, Clone, Deserialize)]
pub struct DeviceCode {
    /// What the device asks with.
    pub device_code: Secret,
    /// What the person types.
    pub user_code: String,
    /// Where.
    // The spelling of the drafts is still in use.
    #[serde(alias = "verification_url")]
    pub verification_uri: String,
    /// The same address with the code in it.
    pub verification_uri_complete: Option<String>,
    /// Seconds of life of both codes.
    pub expires_in: u64,
    /// Seconds between two questions.
    pub interval: Option<u64>,
}

/// What asking for the tokens of a device code comes to.
pub enum Poll {
    /// The person is done.
    Tokens(Box<TokenReply>),
    /// Not yet.
    Pending,
    /// Not yet, and ask less often.
    SlowDown,
    /// The person said no.
    Denied,
    /// The person took too long.
    Expired,
}

/// 256 bits nobody can guess, as text that fits into a URL.
pub fn random_text(ambient: &Ambient) -> Secret {
    Secret::from(URL_SAFE_NO_PAD.encode(ambient.secret::<32>()))
}

/// S256 of RFC 7636.
pub fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

impl Issuer {
    /// The address where the person signs in. `sign_in` becomes part of the state, so that the answer finds its way.
    pub fn authorization(
        &self,
        metadata: &Metadata,
        sign_in: &str,
        redirect_uri: String,
        ambient: &Ambient,
    ) -> Authorization {
        let state = Secret::from(format!("{sign_in}.{}", random_text(ambient).expose()));
        let (nonce, verifier) = (random_text(ambient), random_text(ambient));
        let mut url = metadata.authorization_endpoint.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.settings.client_id)
                .append_pair("redirect_uri", &redirect_uri)
                .append_pair("scope", &self.settings.scopes.join(" "))
                .append_pair("state", state.expose())
                .append_pair("nonce", nonce.expose())
                .append_pair("code_challenge", &challenge(&verifier))
                .append_pair("code_challenge_method", "S256");
            // Without consent to it some providers leave the refresh token out and say nothing (Core, 11).
            if self.settings.scopes.iter().any(|scope| scope == "offline_access") {
                query.append_pair("prompt", "consent");
            }
            if let Some(audience) = &self.settings.audience {
                query.append_pair("audience", audience);
            }
        }
        Authorization { url, state, nonce, verifier, redirect_uri }
    }

    /// Exchanges the code the browser came back with.
    pub async fn exchange_code(
        &self,
        code: &str,
        verifier: &Secret,
        redirect_uri: &str,
    ) -> Result<TokenReply> {
        let verifier = verifier.expose();
        self.tokens(
            "authorization_code",
            &[("code", code), ("redirect_uri", redirect_uri), ("code_verifier", verifier)],
        )
        .await
    }

    /// New tokens for a refresh token, which may be worth nothing afterwards.
    pub async fn refresh(&self, refresh_token: &str) -> Result<TokenReply> {
        self.tokens("refresh_token", &[("refresh_token", refresh_token)]).await
    }

    /// Begins the device authorization grant.
    pub async fn device_code(&self) -> Result<DeviceCode> {
        let metadata = self.metadata().await?;
        let Some(url) = &metadata.device_authorization_endpoint else {
            let id = self.settings.id();
            return Err(Trouble::new(
                Kind::NotSupported,
                format!("{id} does not offer signing in with a code"),
            ));
        };
        let scope = self.settings.scopes.join(" ");
        let mut form = vec![("scope", scope.as_str())];
        form.extend(self.settings.audience.as_deref().map(|audience| ("audience", audience)));
        self.http.post(url, &self.with_client(form)).await
    }

    /// Asks whether the person has finished.
    pub async fn poll(&self, code: &DeviceCode) -> Result<Poll> {
        const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
        match self.tokens(GRANT, &[("device_code", code.device_code.expose())]).await {
            Ok(tokens) => Ok(Poll::Tokens(Box::new(tokens))),
            Err(trouble) => match &trouble.kind {
                Kind::Refused(word) => match word.as_str() {
                    "authorization_pending" => Ok(Poll::Pending),
                    "slow_down" => Ok(Poll::SlowDown),
                    "access_denied" => Ok(Poll::Denied),
                    "expired_token" => Ok(Poll::Expired),
                    _ => Err(trouble),
                },
                _ => Err(trouble),
            },
        }
    }

    /// Asks the provider to forget a token. One without such an endpoint lets it run out.
    pub async fn revoke(&self, token: &str, hint: &str) -> Result<()> {
        let metadata = self.metadata().await?;
        let Some(url) = &metadata.revocation_endpoint else { return Ok(()) };
        self.http.tell(url, &self.with_client(vec![("token", token), ("token_type_hint", hint)])).await
    }

    /// What the provider tells the bearer of this token about himself.
    pub async fn userinfo(&self, access_token: &str) -> Result<Claims> {
        let metadata = self.metadata().await?;
        let Some(url) = &metadata.userinfo_endpoint else {
            let id = self.settings.id();
            return Err(Trouble::new(Kind::NotSupported, format!("{id} tells nobody about token holders")));
        };
        let claims: Map<String, Value> = self.http.get_as(url, access_token).await?;
        Claims::new(claims)
    }

    /// What the provider says of a token (RFC 7662).
    pub(crate) async fn introspect(&self, url: &Url, token: &str) -> Result<Map<String, Value>> {
        self.http
            .post(url, &self.with_client(vec![("token", token), ("token_type_hint", "access_token")]))
            .await
    }

    async fn tokens(&self, grant: &str, form: &[(&str, &str)]) -> Result<TokenReply> {
        let metadata = self.metadata().await?;
        let form = self.with_client([&[("grant_type", grant)], form].concat());
        let reply: TokenReply = self.http.post(&metadata.token_endpoint, &form).await?;
        if !reply.token_type.eq_ignore_ascii_case("bearer") || reply.access_token.expose().is_empty() {
            return Err(Trouble::new(Kind::Failed, "the provider sent a token of a kind nobody can use"));
        }
        Ok(reply)
    }

    /// A form in the name of our client.
    fn with_client<'a>(&'a self, mut form: Vec<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
        form.push(("client_id", &self.settings.client_id));
        form.extend(self.settings.client_secret.as_ref().map(|secret| ("client_secret", secret.expose())));
        form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
