//! What a cloud shows becomes the profile here, with the edits it has not acknowledged on top. Never an older state after
//! a newer one.

use usher_domain::store::{CloudAccount, Tx, Work};
use usher_wire::{Result, Timestamp, UserProfile};

use super::Contact;
use crate::Device;

impl Device {
    /// Takes over what the cloud shows. `done` is the place of an edit that is acknowledged by it.
    pub(super) async fn adopt(&self, user: &str, shown: UserProfile, done: Option<i64>) -> Result<()> {
        self.take_over(user, shown, done, newer).await
    }

    /// The same for a cloud that does not know what it showed before: it was restored from a backup.
    pub(super) async fn adopt_anew(&self, user: &str, shown: UserProfile) -> Result<()> {
        self.take_over(user, shown, None, |_, shown| shown).await
    }

    async fn take_over(
        &self,
        user: &str,
        shown: UserProfile,
        done: Option<i64>,
        choose: fn(Option<UserProfile>, UserProfile) -> UserProfile,
    ) -> Result<()> {
        let (id, now) = (user.to_owned(), self.0.ambient.now());
        self.write(move |tx| {
            if let Some(place) = done {
                tx.delete_queued_edit(&id, place)?;
            }
            // Whose account is gone meanwhile has nothing to be kept in step.
            let Some(account) = tx.cloud_account(&id)? else { return Ok(()) };
            let shown = choose(account.shown.clone(), shown);
            let account = CloudAccount { shown: Some(shown), checked_in_at: Some(now), ..account };
            tx.put_cloud_account(&account)?;
            show(tx, &account, now)
        })
        .await?;
        self.0.cloud.note(user, |contact| contact.hears(now));
        Ok(())
    }

    /// An edit that the cloud will never take: the profile follows the cloud again.
    pub(super) async fn give_up(&self, user: &str, place: i64, why: String) -> Result<()> {
        tracing::warn!(user, why, "cloud.edit_refused");
        let (id, now) = (user.to_owned(), self.0.ambient.now());
        let (witness, said) = (self.witness(&usher_wire::Caller::default()), why.clone());
        self.write(move |tx| {
            tx.delete_queued_edit(&id, place)?;
            witness.record(tx, usher_wire::AuditActionEnum::EditRefused, Some(&id), Some(&said))?;
            tx.cloud_account(&id)?.map_or(Ok(()), |account| show(tx, &account, now))
        })
        .await?;
        self.0.cloud.note(user, |contact| contact.refused_edit = Some(why));
        Ok(())
    }

    /// What was known of clouds before this start.
    pub(crate) async fn recall_clouds(&self) -> Result<()> {
        for account in self.read(|tx| tx.cloud_accounts()).await? {
            self.0.cloud.note(&account.user_id, |contact| *contact = Contact::stored(account.checked_in_at));
        }
        Ok(())
    }
}

/// The newer of two states of one person; another person's id is another cloud, which begins anew.
fn newer(known: Option<UserProfile>, shown: UserProfile) -> UserProfile {
    let stamp = |profile: &UserProfile| profile.updated.as_ref().map(|updated| updated.value);
    match known {
        Some(known) if known.id == shown.id && stamp(&known) > stamp(&shown) => known,
        _ => shown,
    }
}

/// Stores the profile that follows from what the cloud showed and what it has not heard of yet.
pub(crate) fn show(tx: &Tx<'_>, account: &CloudAccount, now: Timestamp) -> Work<()> {
    let (Some(shown), Some(stored)) = (&account.shown, tx.user(&account.user_id)?) else { return Ok(()) };
    let mut profile = shown.clone();
    // Callers know the account by its id here, and its revisions are counted here.
    profile.id.clone_from(&stored.profile.id);
    profile.updated.clone_from(&stored.profile.updated);
    for queued in tx.queued_edits(&account.user_id)? {
        queued.edit.lay_over(&mut profile);
    }
    if let Some(username) = &profile.username
        && tx.username_is_taken(username, &profile.id)?
    {
        // Another account of this device has it, perhaps a local one: it keeps it.
        profile.username = None;
    }
    if profile != stored.profile {
        tx.update_user(&stored, profile, stored.beta.clone(), now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::profile::new_profile;

    #[test]
    fn no_older_state_follows_a_newer_one() {
        let state = |id: &str, millis| new_profile(id.into(), Timestamp::from_millis(millis).unwrap());
        assert_eq!(newer(None, state("a", 1)), state("a", 1));
        assert_eq!(newer(Some(state("a", 2)), state("a", 1)), state("a", 2));
        assert_eq!(newer(Some(state("a", 1)), state("a", 2)), state("a", 2));
        assert_eq!(newer(Some(state("a", 2)), state("b", 1)), state("b", 1), "another cloud");
    }
}
