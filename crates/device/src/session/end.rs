//! How a session ends: by signing out, by removing the account, or by the provider's word. The tokens leave this device
//! at once; asking the provider to revoke them is owed and done in the background.

use usher_domain::store::{Owed, Session, Tx, Work};
use usher_wire::{AuditActionEnum, Caller, Code, Error, Result, Timestamp, UserApi, Users};

use super::{Tokens, pause};
use crate::Device;

/// After so many attempts a token is left to run out: some two hours.
const GIVE_UP_AFTER: i64 = 40;

/// 401: the account is known, but what proved it has ended.
pub(crate) fn session_is_over() -> Error {
    Error::new(
        Code::NotSignedIn,
        "the session of this account has ended at its identity provider: run `usher login` to sign in again",
    )
}

/// Ends the session of a user, if there is one, and owes its revocation.
pub(crate) fn end_session(tx: &Tx<'_>, user: &str, debt: String, now: Timestamp) -> Work<()> {
    if let Some(session) = tx.session(user)? {
        tx.delete_session(user)?;
        let cloud_session = tx.cloud_account(user)?.map(|account| account.session);
        tx.put_owed(&Owed { id: debt, session, cloud_session, attempts: 0, due_at: now })?;
    }
    Ok(())
}

/// Owes the revocation of these tokens.
pub(super) fn owe(tx: &Tx<'_>, session: Session, debt: String, now: Timestamp) -> Work<()> {
    tx.put_owed(&Owed { id: debt, session, cloud_session: None, attempts: 0, due_at: now })
}

impl Device {
    /// Signs the caller's account out, bound or current, and lists the accounts that remain.
    pub(crate) async fn sign_out(&self, caller: &Caller) -> Result<Users> {
        let witness = self.witness(caller);
        let bound = match caller.account {
            Some(_) => Some(self.present_to(caller).await?.user.as_ref().map(|user| user.id.clone())),
            None => None,
        };
        let (now, debt) = (self.0.ambient.now(), self.0.ambient.uuid().to_string());
        let signed_out = self
            .write(move |tx| {
                let current = tx.device()?.and_then(|device| device.current_user_id);
                let leaving = bound.unwrap_or_else(|| current.clone());
                let Some(user) = leaving else { return Ok(None) };
                let is_current = current.as_ref() == Some(&user);
                if is_current || tx.session(&user)?.is_some() {
                    end_session(tx, &user, debt, now)?;
                    witness.record(tx, AuditActionEnum::SignedOut, Some(&user), None)?;
                }
                if is_current {
                    tx.set_current(None)?;
                }
                Ok(Some(user))
            })
            .await?;
        if let Some(user) = signed_out {
            self.session_ended(&user);
        }
        self.users().await
    }

    /// What is known of a session beside the store goes with it.
    pub(crate) fn session_ended(&self, user: &str) {
        self.0.sessions.forget(user);
        self.0.sessions.changed.notify_one();
        self.0.cloud.changed.notify_one();
    }

    /// Asks the provider to revoke what is owed; the debt is gone when that was done, or can never be.
    pub(super) async fn pay(&self, owed: Owed) -> Result<()> {
        let revoked = self.revoke(&owed.session).await;
        if let Err(trouble) = &revoked {
            tracing::debug!(%trouble, issuer = owed.session.issuer, "session.revoke_failed");
        }
        let told = self.end_at_cloud(&owed).await;
        let is_over = (revoked.is_ok() && told) || owed.attempts >= GIVE_UP_AFTER;
        let now = self.0.ambient.now();
        let attempts = owed.attempts + 1;
        let pause = pause(u32::try_from(attempts).unwrap_or(u32::MAX), &self.0.ambient);
        self.write(move |tx| {
            if is_over {
                return tx.delete_owed(&owed.id);
            }
            let due_at = super::after(now, pause).unwrap_or(now);
            tx.put_owed(&Owed { attempts, due_at, ..owed })
        })
        .await
    }

    /// Whether the cloud knows that the session is over, or has no business with it. A token that has run out meanwhile
    /// cannot say so, and proves nothing any more.
    async fn end_at_cloud(&self, owed: &Owed) -> bool {
        let Some(session) = owed.cloud_session.clone().filter(|_| self.0.cloud.is_there()) else {
            return true;
        };
        let ended = async {
            let seal = self.0.vault.key_in(&self.opened()?.os, &owed.session.key_store).await?;
            let token = Tokens::open(&seal, &owed.session)?.access_token;
            let line = self.line_of(&owed.session.user_id, token, session)?;
            line.client.clear_user(&line.caller).await
        };
        match ended.await {
            Err(error) => error.code != Code::Unreachable,
            Ok(()) => true,
        }
    }

    async fn revoke(&self, session: &Session) -> usher_issuer::Result<()> {
        let Some(issuer) = self.issuer(&session.issuer) else {
            // It is configured no longer, so nobody can be asked.
            return Ok(());
        };
        let seal = self.0.vault.key_in(&self.opened()?.os, &session.key_store).await?;
        let tokens = Tokens::open(&seal, session)?;
        let (token, hint) = match &tokens.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&tokens.access_token, "access_token"),
        };
        match issuer.revoke(token.expose(), hint).await {
            // Whatever it refuses, it will not accept later.
            Err(trouble) if matches!(trouble.kind, usher_issuer::Kind::Refused(_)) => Ok(()),
            other => other,
        }
    }
}
