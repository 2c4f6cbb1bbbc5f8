//! Changing a profile: the edit of `POST /user/update` and the beta status.

use std::sync::Arc;

use usher_domain::edit::{Named, edit};
use usher_domain::queued::QueuedEdit;
use usher_wire::{Caller, Code, Error, ProfileUpdate, Result, UserBetaStatus, UserProfile, Version};

use crate::Device;
use crate::accounts::unknown_user;
use crate::presence::compose;

impl Device {
    /// Merges an edit, whose base is the state named by `seen` or by the edit's own `updated`.
    pub(crate) async fn update(&self, sent: ProfileUpdate, seen: Option<Version>) -> Result<UserProfile> {
        let id = sent.id.clone().ok_or_else(|| {
            Error::invalid_body(
                "`id` is missing: send the profile to change, or at least its `id` and what changes",
            )
        })?;
        let named = match seen {
            Some(version) => self.0.presence.stamp_of(version, &id).map_or(Named::Forgotten, Named::Stamp),
            None => sent.updated.as_ref().map_or(Named::Nothing, |updated| Named::Stamp(updated.value)),
        };
        let policies = Arc::clone(&self.0.policies.borrow());
        let new_edit = self.0.ambient.uuid().to_string();
        let (now, has_cloud) = (self.0.ambient.now(), self.0.cloud.is_there());
        self.write(move |tx| {
            let account = tx.account(&id)?.ok_or_else(|| unknown_user(&id))?;
            let user = tx.user(&id)?.ok_or_else(|| unknown_user(&id))?;
            let before = user.profile.clone();
            let user = edit(tx, user, &sent, named, account.is_local, now)?;
            let is_of_cloud = !account.is_local && (has_cloud || tx.cloud_account(&id)?.is_some());
            if is_of_cloud && let Some(edit) = QueuedEdit::between(&before, &user.profile) {
                tx.queue_edit(&id, &new_edit, &edit)?;
            }
            compose(tx, user, &policies)
        })
        .await
        .inspect(|profile| self.0.cloud.edited(&profile.id))
    }

    pub(crate) async fn beta_status(&self, caller: &Caller, sent: UserBetaStatus) -> Result<UserBetaStatus> {
        if self.present_to(caller).await?.user.is_none() {
            return Err(Error::new(
                Code::NotConnected,
                "nobody is signed in: run `usher login` and try again",
            ));
        }
        if self.is_of_cloud(&sent.user).await? {
            return self.beta_status_at_cloud(sent).await;
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
