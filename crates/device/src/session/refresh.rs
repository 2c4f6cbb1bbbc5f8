//! Access tokens: handed out while they have life, refreshed first when they have not. One refresh of an account is under
//! way at most, it outlives whoever asked for it, and what the provider gave for the old token is durable before use. While
//! the store cannot take it, it waits in memory and is handed out to nobody.

use std::sync::Arc;

use futures_util::FutureExt;
use usher_domain::store::Session;
use usher_wire::{AuditActionEnum, Caller, Code, Error, Result, Secret};

use super::end::owe;
use super::{Flight, Tokens, Unwritten, session_is_over};
use crate::Device;
use usher_issuer::{Issuer, Kind, TokenReply, Trouble};

impl Device {
    /// The access token of an account, with at least a minute of life where the provider gives so much.
    pub(crate) async fn access_token(&self, user: &str) -> Result<Secret> {
        let Some((session, tokens)) = self.tokens_of(user).await? else {
            return Err(Error::not_available_here(
                "a local account has no access token: sign in with an identity provider",
            ));
        };
        let now = self.0.ambient.now();
        if tokens.is_fresh(now) {
            return Ok(tokens.access_token);
        }
        if tokens.refresh_token.is_some() {
            return self.refreshed(&session.user_id).await;
        }
        if tokens.life(now).is_some_and(|life| life > 0) {
            Ok(tokens.access_token)
        } else {
            Err(session_is_over())
        }
    }

    /// The session of a user and its tokens; `None` without a session.
    async fn tokens_of(&self, user: &str) -> Result<Option<(Session, Tokens)>> {
        let user = user.to_owned();
        let Some(session) = self.read(move |tx| tx.session(&user)).await? else { return Ok(None) };
        let seal = self.0.vault.key_in(&self.opened()?.os, &session.key_store).await?;
        let tokens = Tokens::open(&seal, &session)?;
        Ok(Some((session, tokens)))
    }

    /// Refreshes the tokens of a user, or joins whoever does.
    pub(crate) async fn refreshed(&self, user: &str) -> Result<Secret> {
        let flight = {
            let mut flights = self.0.sessions.flights();
            match flights.get(user) {
                Some(flight) => flight.clone(),
                None => {
                    let flight = self.take_off(user.to_owned());
                    flights.insert(user.to_owned(), flight.clone());
                    flight
                }
            }
        };
        flight.await
    }

    fn take_off(&self, user: String) -> Flight {
        let device = self.clone();
        // A task of its own: a caller who goes away must not take the provider's answer with him.
        let flying = tokio::spawn(async move {
            let outcome = device.refresh(&user).await;
            device.0.sessions.flights().remove(&user);
            device.0.sessions.changed.notify_one();
            outcome
        });
        let landed = flying.map(|outcome| {
            outcome.unwrap_or_else(|_| {
                Err(Error::new(Code::Internal, "the refresh failed inside the daemon: see its log"))
            })
        });
        landed.boxed().shared()
    }

    async fn refresh(&self, user: &str) -> Result<Secret> {
        let now = self.0.ambient.now();
        let left = self.0.sessions.unwritten().get(user).cloned();
        if let Some(Unwritten { session, tokens }) = left {
            let is_fresh = tokens.is_fresh(now);
            let token = self.settle(session, tokens).await?;
            if is_fresh {
                return Ok(token);
            }
        }
        let outcome = self.ask_for_tokens(user).await;
        let (session, old, reply) = match outcome {
            Ok(Asked::Answered(answered)) => *answered,
            Ok(Asked::Fresh(token)) => return Ok(token),
            Ok(Asked::Over(session)) => return self.over(session).await,
            Ok(Asked::Nobody) => return Err(session_is_over()),
            Err(trouble) => {
                tracing::warn!(%trouble, user, "session.refresh_failed");
                self.0.sessions.note(user, trouble.clone(), now, &self.0.ambient);
                return Err(trouble.into());
            }
        };
        let tokens = Tokens::of(&reply, old.refresh_token, now);
        self.settle(session, tokens).await
    }

    /// Writes new tokens, and keeps them in memory until that succeeds: the old ones are worth nothing any more.
    async fn settle(&self, session: Session, tokens: Tokens) -> Result<Secret> {
        let user = session.user_id.clone();
        let left = Unwritten { session: session.clone(), tokens: tokens.clone() };
        self.0.sessions.unwritten().insert(user.clone(), left);
        match self.keep(session, &tokens).await {
            Ok(is_kept) => {
                self.0.sessions.unwritten().remove(&user);
                self.0.sessions.forget(&user);
                if is_kept { Ok(tokens.access_token) } else { Err(session_is_over()) }
            }
            Err(error) => {
                tracing::warn!(%error, user, "session.not_stored");
                let now = self.0.ambient.now();
                self.0.sessions.note(&user, Trouble::from(error.clone()), now, &self.0.ambient);
                Err(error)
            }
        }
    }

    async fn ask_for_tokens(&self, user: &str) -> usher_issuer::Result<Asked> {
        let Some((session, tokens)) = self.tokens_of(user).await? else {
            return Ok(Asked::Nobody);
        };
        let Some(refresh_token) = &tokens.refresh_token else { return Ok(Asked::Fresh(tokens.access_token)) };
        let issuer = self.issuer(&session.issuer).ok_or_else(|| {
            let message =
                format!("{} is not configured any more: put it back into usher.toml", session.issuer);
            Trouble::new(Kind::NotSupported, message)
        })?;
        let refresh_token = refresh_token.clone();
        // Together no longer than one of them may take: somebody waits.
        match self.in_time(ask_twice(issuer, &refresh_token)).await {
            Ok(reply) => Ok(Asked::Answered(Box::new((session, tokens, reply)))),
            Err(trouble) if trouble.is_invalid_grant() => Ok(Asked::Over(session)),
            Err(trouble) => Err(trouble),
        }
    }

    /// Writes the new tokens in the place of the old ones. Whoever signed out meanwhile must not be signed in again.
    async fn keep(&self, old: Session, tokens: &Tokens) -> Result<bool> {
        let seal = self.0.vault.key_in(&self.opened()?.os, &old.key_store).await?;
        let now = self.0.ambient.now();
        let sealed = tokens.seal(&seal, &old.user_id)?;
        let new =
            Session { tokens: sealed, refresh_at: tokens.refresh_at(now, &self.0.ambient), ..old.clone() };
        let debt = self.0.ambient.uuid().to_string();
        self.write(move |tx| {
            let is_kept = tx.session(&old.user_id)?.is_some_and(|session| session.tokens == old.tokens);
            if is_kept {
                tx.put_session(&new)?
            } else {
                owe(tx, new, debt, now)?
            }
            Ok(is_kept)
        })
        .await
    }

    /// The provider ended the session. The account stays, and is current no longer.
    async fn over(&self, session: Session) -> Result<Secret> {
        tracing::warn!(user = session.user_id, issuer = session.issuer, "session.ended_by_issuer");
        let (user, witness) = (session.user_id.clone(), self.witness(&Caller::default()));
        self.write(move |tx| {
            let user = &session.user_id;
            // A newer session is not the one that ended.
            if tx.session(user)?.is_some_and(|present| present.tokens == session.tokens) {
                tx.delete_session(user)?;
                witness.record(tx, AuditActionEnum::SessionEnded, Some(user), Some(&session.issuer))?;
                if tx.device()?.is_some_and(|device| device.current_user_id.as_ref() == Some(user)) {
                    tx.set_current(None)?;
                }
            }
            Ok(())
        })
        .await?;
        self.0.sessions.forget(&user);
        Err(session_is_over())
    }
}

/// What asking a provider for new tokens came to.
enum Asked {
    /// New tokens for those of this session.
    Answered(Box<(Session, Tokens, TokenReply)>),
    /// Nobody needs to ask.
    Fresh(Secret),
    /// The session has ended there.
    Over(Session),
    /// It has ended here.
    Nobody,
}

/// Asks once more when the answer was lost: the provider may have changed the token and told nobody.
async fn ask_twice(issuer: &Arc<Issuer>, refresh_token: &Secret) -> usher_issuer::Result<TokenReply> {
    match issuer.refresh(refresh_token.expose()).await {
        Err(trouble) if trouble.kind == Kind::Lost => issuer.refresh(refresh_token.expose()).await,
        other => other,
    }
}
