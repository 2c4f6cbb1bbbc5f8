//! Signing in as the Pieces OS API knows it: one call that waits for the end, and tokens that a caller brings along.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use usher_wire::{Auth0User, Code, Error, OAuthToken, Result, Secret, SignInRequest, UserProfile};

use crate::Device;
use crate::accounts::is_about;
use crate::session::{Proof, Tokens};
use usher_issuer::{Claims, Issuer, Kind, Trouble};

/// How long `POST /os/sign_in` waits: its oldest client gives up after 120 s.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(108);

impl Device {
    /// Who is current, or who becomes it while the caller waits. Starts or joins a sign-in where there is a provider.
    pub(crate) async fn sign_in(&self) -> Result<UserProfile> {
        let mut presence = self.0.presence.follow();
        if let Some(user) = self.present()?.user.clone() {
            return Ok(user);
        }
        tracing::info!("somebody waits for a sign-in: `usher login` shows how to go on");
        let deadline = Instant::now() + SIGN_IN_WITHIN;
        let someone = async {
            let present =
                presence.wait_for(|present| present.as_ref().is_some_and(|present| present.user.is_some()));
            present.await.ok().and_then(|present| present.as_ref()?.user.clone())
        };
        let user = tokio::select! {
            user = someone => user,
            failure = self.sign_in_fails() => return Err(failure),
            () = sleep_until(deadline) => None,
        };
        user.ok_or_else(|| {
            Error::new(
                Code::UpstreamFailed,
                "nobody signed in: run `usher login` (`--local --name NAME --email EMAIL` without an identity provider), \
                 then try again",
            )
        })
    }

    /// Why the sign-in that was started or joined does not succeed. Without a provider nobody knows that it does not.
    async fn sign_in_fails(&self) -> Error {
        if self.0.issuers.is_empty() {
            return std::future::pending().await;
        }
        loop {
            let job = match self.start_or_join(&SignInRequest::default()) {
                Ok(job) => job,
                Err(error) => return error,
            };
            let mut states = job.follow();
            let ended = states.wait_for(|state| state.state.is_end()).await.map(|state| state.clone());
            let failure = match ended {
                // The profile arrives by itself.
                Ok(state) if state.user.is_some() => return std::future::pending().await,
                Ok(state) => state.failure,
                Err(_) => None,
            };
            // One that took its place is as good.
            if self.running_sign_in().is_none() {
                let why = failure.map_or_else(|| "it ended".to_owned(), |failure| failure.to_string());
                return Error::new(Code::UpstreamFailed, format!("nobody signed in: {why}"));
            }
        }
    }

    /// Selects the account that a token of a provider proves.
    pub(crate) async fn select_as_bearer(
        &self,
        bearer: &Secret,
        body: Option<Auth0User>,
    ) -> Result<UserProfile> {
        let (issuer, claims) = self.check_token(bearer).await?;
        let subject = claims.subject().to_owned();
        let known = {
            let (id, subject) = (issuer.settings.id().to_owned(), subject.clone());
            self.read(move |tx| tx.user_id_by_identity(&id, &subject)).await?.unwrap_or_default()
        };
        let names = [subject.as_str(), claims.global_id().unwrap_or_default()];
        if body.is_some_and(|body| !is_about(&body, &known, &names)) {
            return Err(Error::new(
                Code::NotAllowed,
                "the token belongs to another user than the body names",
            ));
        }
        let now = self.0.ambient.now();
        let expires_in = claims.expires().map(|expires| expires - now.as_millis().div_euclid(1000));
        let tokens = Tokens::new(bearer.clone(), None, expires_in, now);
        self.begin_session(issuer, Proof { claims, tokens, replaces: false }).await
    }

    /// Signs in with tokens that a caller got from a provider by himself.
    pub(crate) async fn authenticate(&self, token: OAuthToken) -> Result<UserProfile> {
        self.find_issuer(None)?;
        let (issuer, claims) = self.check_token(&token.access_token).await?;
        let now = self.0.ambient.now();
        let tokens = Tokens::new(token.access_token, token.refresh_token, Some(token.expires_in), now);
        self.begin_session(issuer, Proof { claims, tokens, replaces: true }).await
    }

    /// Whose token it is, by the first provider that knows it.
    async fn check_token(&self, token: &Secret) -> Result<(&Issuer, Claims)> {
        self.opened()?;
        let mut refused = None;
        for issuer in &self.0.issuers {
            match issuer.access_token_claims(token.expose(), self.0.ambient.now()).await {
                Ok(claims) => return Ok((issuer, claims)),
                Err(trouble) => refused = Some(refused.unwrap_or(trouble)),
            }
        }
        Err(match refused {
            None => Error::new(Code::NotSignedIn, crate::NO_ISSUER),
            Some(Trouble { kind: Kind::Unreachable | Kind::Lost, message }) => {
                Error::new(Code::UpstreamFailed, format!("the token cannot be checked: {message}"))
            }
            Some(trouble) => Error::new(Code::NotSignedIn, format!("the token is not valid: {trouble}")),
        })
    }
}
