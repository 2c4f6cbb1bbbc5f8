//! How a session begins: somebody proved who he is, so there is an account for him with what proves it further.

use std::sync::Arc;
use std::time::Duration;

use usher_domain::profile::new_profile;
use usher_domain::store::{CloudAccount, Session, Tx, User, Work};
use usher_wire::{AuditActionEnum, Caller, Error, Result, Timestamp, UserApi, UserProfile};
use uuid::Uuid;

use super::Tokens;
use crate::Device;
use crate::accounts::unknown_user;
use crate::cloud::show;
use crate::presence::compose;
use usher_issuer::{Claims, Issuer};

/// How long a sign-in waits for a cloud to say who this is.
const MEETS_WITHIN: Duration = Duration::from_secs(5);

/// What somebody proved to an identity provider.
pub(crate) struct Proof {
    pub(crate) claims: Claims,
    pub(crate) tokens: Tokens,
    /// Whether the tokens replace those of a session that is going on.
    pub(crate) replaces: bool,
}

impl Device {
    /// Makes the account of whoever proved himself current, with the tokens in custody; all of it or nothing.
    pub(crate) async fn begin_session(&self, issuer: &Issuer, proof: Proof) -> Result<UserProfile> {
        let seal = self.0.vault.key(&self.opened()?.os).await?;
        let policies = Arc::clone(&self.0.policies.borrow());
        let (now, new_id) = (self.0.ambient.now(), self.0.ambient.uuid());
        let (id, kind) = (issuer.settings.id().to_owned(), issuer.settings.kind());
        let key_store = self.0.vault.store.as_str().to_owned();
        let refresh_at = proof.tokens.refresh_at(now, &self.0.ambient);
        let (session, known) =
            (self.0.ambient.uuid().to_string(), self.is_known(issuer, &proof.claims).await?);
        // Somebody new here may be known to the cloud, and is the same user everywhere.
        let shown = if known { None } else { self.meet_at_cloud(&proof.tokens, &session).await };
        let has_cloud = self.0.cloud.is_there();
        // A sign-in belongs to all who joined it, so the record names nobody who asked.
        let witness = self.witness(&Caller::default());
        let profile = self
            .write(move |tx| {
                let Proof { claims, tokens, replaces } = proof;
                let user = match tx.user_id_by_identity(&id, claims.subject())? {
                    Some(user) => user,
                    None => {
                        let new_id = shown
                            .as_ref()
                            .and_then(|shown| Uuid::parse_str(&shown.id).ok())
                            .unwrap_or(new_id);
                        let user = create(tx, &id, &claims, new_id, shown.is_some(), now)?;
                        witness.record(tx, AuditActionEnum::AccountAdded, Some(&user), Some(&id))?;
                        user
                    }
                };
                let mut known = tx.user(&user)?.ok_or_else(|| unknown_user(&user))?;
                let mut profile = known.profile.clone();
                let at_cloud = tx.cloud_account(&user)?;
                // What the cloud says of a person comes before what a token says.
                if at_cloud.as_ref().is_none_or(|account| account.shown.is_none()) {
                    claims.fill(tx, &mut profile, kind)?;
                }
                if profile != known.profile {
                    known = tx.update_user(&known, profile, known.beta.clone(), now)?;
                }
                if replaces || tx.session(&user)?.is_none() {
                    let tokens = tokens.seal(&seal, &user).map_err(Error::from)?;
                    tx.put_session(&Session {
                        user_id: user.clone(),
                        issuer: id,
                        key_store,
                        tokens,
                        refresh_at,
                    })?;
                    if has_cloud {
                        let (shown, checked_in_at) = match at_cloud {
                            Some(account) => (account.shown, account.checked_in_at),
                            None => (shown, None),
                        };
                        let account = CloudAccount { user_id: user.clone(), session, shown, checked_in_at };
                        tx.put_cloud_account(&account)?;
                        show(tx, &account, now)?;
                        known = tx.user(&user)?.ok_or_else(|| unknown_user(&user))?;
                    }
                }
                if tx.device()?.and_then(|device| device.current_user_id).as_ref() != Some(&user) {
                    tx.set_current(Some(&user))?;
                    witness.record(tx, AuditActionEnum::AccountSelected, Some(&user), None)?;
                }
                compose(tx, known, &policies)
            })
            .await?;
        self.0.sessions.forget(&profile.id);
        self.0.sessions.changed.notify_one();
        self.0.cloud.changed.notify_one();
        if has_cloud {
            // What failed with the old tokens may go well with these.
            self.0.cloud.asked(&profile.id);
        }
        Ok(profile)
    }

    async fn is_known(&self, issuer: &Issuer, claims: &Claims) -> Result<bool> {
        let (id, subject) = (issuer.settings.id().to_owned(), claims.subject().to_owned());
        self.read(move |tx| Ok(tx.user_id_by_identity(&id, &subject)?.is_some())).await
    }

    /// Who the cloud says this is; nobody when it cannot be asked in a moment: then the account has an id of its own.
    async fn meet_at_cloud(&self, tokens: &Tokens, session: &str) -> Option<UserProfile> {
        let line = self.line_of("", tokens.access_token.clone(), session.to_owned()).ok()?;
        let asked = tokio::time::timeout(MEETS_WITHIN, line.client.user_snapshot(&line.caller)).await;
        asked.ok()?.inspect_err(|error| tracing::info!(%error, "cloud.not_met")).ok()?.user.clone()
    }
}

/// A new account, under the id it has across services where that is free.
fn create(
    tx: &Tx<'_>,
    issuer: &str,
    claims: &Claims,
    new_id: Uuid,
    is_of_cloud: bool,
    now: Timestamp,
) -> Work<String> {
    let is_free = is_of_cloud && tx.user(&new_id.to_string())?.is_none();
    let id = if is_free { new_id.to_string() } else { claims.account_id(tx, new_id)? };
    tx.insert_user(&new_profile(id.clone(), now), now)?;
    tx.insert_account(&id, false)?;
    tx.insert_identity(issuer, claims.subject(), &id)?;
    Ok(id)
}

/// The account may only be current while there is a session for it, unless it is this device's own.
pub(crate) fn require_session(tx: &Tx<'_>, user: &User) -> Work<()> {
    if has_session(tx, &user.profile.id)? { Ok(()) } else { Err(super::session_is_over().into()) }
}

/// Whether somebody proved this account to be his, or nobody needs to: it is this device's own.
pub(crate) fn has_session(tx: &Tx<'_>, id: &str) -> Work<bool> {
    let is_local = tx.account(id)?.is_none_or(|account| account.is_local);
    Ok(is_local || tx.session(id)?.is_some())
}
