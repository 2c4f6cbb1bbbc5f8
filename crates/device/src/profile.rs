//! Changing a profile: the edit of `POST /user/update` and the beta status.

use std::sync::Arc;

use usher_domain::profile::{Base, merge};
use usher_domain::store::{Tx, User, Work};
use usher_wire::{Code, Error, ProfileUpdate, Result, UserBetaStatus, UserProfile, Version};

use crate::Device;
use crate::accounts::unknown_user;
use crate::presence::compose;

impl Device {
    /// Merges an edit, whose base is the state named by `seen` or by the edit's own `updated`.
    pub(crate) async fn update(&self, edit: ProfileUpdate, seen: Option<Version>) -> Result<UserProfile> {
        let id = edit.id.clone().ok_or_else(|| {
            Error::invalid_body(
                "`id` is missing: send the profile to change, or at least its `id` and what changes",
            )
        })?;
        let named = match seen {
            Some(version) => Some(self.0.presence.stamp_of(version, &id)),
            None => edit.updated.as_ref().map(|updated| Some(updated.value)),
        };
        let policies = Arc::clone(&self.0.policies.borrow());
        let now = self.0.ambient.now();
        self.write(move |tx| {
            let account = tx.account(&id)?.ok_or_else(|| unknown_user(&id))?;
            let user = tx.user(&id)?.ok_or_else(|| unknown_user(&id))?;
            let known = named.flatten().map(|stamp| tx.revision_at(&id, stamp)).transpose()?.flatten();
            let base = match (&named, &known) {
                (None, _) => Base::Unnamed,
                (Some(_), Some(known)) => Base::Known(known),
                (Some(_), None) => Base::Forgotten,
            };
            let user = match merge(&user.profile, base, &edit, account.is_local)? {
                Some(merged) => {
                    check_unique(tx, &user, &merged)?;
                    tx.update_user(&user, merged, user.beta.clone(), now)?
                }
                None => user,
            };
            compose(tx, user, &policies)
        })
        .await
    }

    pub(crate) async fn beta_status(&self, sent: UserBetaStatus) -> Result<UserBetaStatus> {
        if self.present()?.user.is_none() {
            return Err(Error::new(
                Code::NotConnected,
                "nobody is signed in: run `usher login` and try again",
            ));
        }
        let now = self.0.ambient.now();
        self.write(move |tx| {
            let user = tx.user(&sent.user)?.ok_or_else(|| unknown_user(&sent.user))?;
            let beta = user.beta.apply(&sent, now)?;
            if beta != user.beta {
                tx.update_user(&user, user.profile.clone(), beta.clone(), now)?;
            }
            Ok(beta.status(&sent.user))
        })
        .await
    }
}

/// A user name is one account's alone, and so is the e-mail by which a local account is selected.
fn check_unique(tx: &Tx<'_>, user: &User, merged: &UserProfile) -> Work<()> {
    let taken = |what: &str, value: &str| {
        Error::new(Code::Taken, format!("the {what} `{value}` is taken: choose another one")).into()
    };
    if merged.username != user.profile.username
        && let Some(username) = &merged.username
        && tx.username_is_taken(username, &merged.id)?
    {
        return Err(taken("user name", username));
    }
    if merged.email != user.profile.email
        && let Some(email) = &merged.email
        && tx.local_user_id_by_email(email)?.is_some_and(|owner| owner != merged.id)
    {
        return Err(taken("e-mail", email));
    }
    Ok(())
}
