//! The present state in memory, replaced after each commit by what the store then says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use usher_domain::store::{Tx, User, Work};
use usher_wire::{
    FlattenedEntities, FlattenedEntity, Present, ReferencedEntity, Timestamp, UserProfile, Version,
};

use crate::bound::{Bindings, Follower};
use crate::policies::Policies;

/// How many versions can be named in `If-Match` before they count as forgotten.
const REMEMBERED: usize = 32;

/// One user's state. It is replaced at once, and told to those who follow a moment later: a thousand streams must not be
/// served before the one who waits for the answer.
#[derive(Default)]
pub(crate) struct Post {
    present: watch::Sender<Option<Arc<Present>>>,
    is_news: AtomicBool,
}

impl Post {
    pub(crate) fn now(&self) -> Option<Arc<Present>> {
        self.present.borrow().clone()
    }

    pub(crate) fn follow(&self) -> Follower {
        self.present.subscribe()
    }

    pub(crate) fn is_followed(&self) -> bool {
        !self.present.is_closed()
    }

    pub(crate) fn replace(&self, present: Present) {
        self.present.send_if_modified(|state| {
            *state = Some(Arc::new(present));
            false
        });
        self.is_news.store(true, Ordering::Release);
    }

    pub(crate) fn tell(&self) {
        if self.is_news.swap(false, Ordering::AcqRel) {
            self.present.send_modify(|_| ());
        }
    }
}

/// Holds the present state and tells everyone who follows it.
#[derive(Default)]
pub(crate) struct Presence {
    current: Post,
    seen: Mutex<Memory>,
    /// The same for the accounts that single callers are bound to.
    pub(crate) bindings: Bindings,
}

/// The last versions that were shown.
#[derive(Default)]
pub(crate) struct Memory(VecDeque<Seen>);

/// Which stored revision a version showed.
struct Seen {
    version: Version,
    user: String,
    updated_at: Timestamp,
}

impl Memory {
    pub(crate) fn push(&mut self, version: Version, user: &str, updated_at: Timestamp) {
        self.0.truncate(REMEMBERED - 1);
        self.0.push_front(Seen { version, user: user.to_owned(), updated_at });
    }

    pub(crate) fn stamp_of(&self, version: Version, user: &str) -> Option<Timestamp> {
        self.0.iter().find(|seen| seen.version == version && seen.user == user).map(|seen| seen.updated_at)
    }
}

impl Presence {
    /// The present state; `None` before the store is open.
    pub(crate) fn now(&self) -> Option<Arc<Present>> {
        self.current.now()
    }

    /// Follows the state: sees the present one first, then always the newest.
    pub(crate) fn follow(&self) -> Follower {
        self.current.follow()
    }

    /// Tells everyone who follows what was published since.
    pub(crate) fn tell(&self) {
        self.current.tell();
        self.bindings.tell();
    }

    /// The stamp of the user's revision that was shown as `version`; `None` when that is too long ago.
    pub(crate) fn stamp_of(&self, version: Version, user: &str) -> Option<Timestamp> {
        let shown = self.seen.lock().unwrap_or_else(PoisonError::into_inner).stamp_of(version, user);
        shown.or_else(|| self.bindings.stamp_of(version, user))
    }

    /// Replaces the present state by what is committed, if that differs. Runs in the store's writer, so in the order
    /// of commits.
    pub(crate) fn publish(&self, tx: &Tx<'_>, policies: &Policies) -> Work<()> {
        let Some(device) = tx.device()? else { return Ok(()) };
        let generation = u64::try_from(device.generation).unwrap_or_default();
        let current = self.publish_current(tx, policies, device.current_user_id.as_deref(), generation);
        self.bindings.publish(tx, policies, generation).and(current)
    }

    fn publish_current(
        &self,
        tx: &Tx<'_>,
        policies: &Policies,
        current: Option<&str>,
        generation: u64,
    ) -> Work<()> {
        let user = current.map(|id| tx.user(id)).transpose()?.flatten();
        let stamp = user.as_ref().map(|user| user.updated_at);
        let profile = user.map(|user| compose(tx, user, policies)).transpose()?;
        let last = self.now();
        let revision = match &last {
            Some(last) if last.version.generation == generation && last.user == profile => return Ok(()),
            Some(last) if last.version.generation == generation => last.version.revision + 1,
            _ => 1,
        };
        let version = Version { generation, revision };
        if let (Some(profile), Some(updated_at)) = (&profile, stamp) {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(version, &profile.id, updated_at);
        }
        self.current.replace(Present::new(version, profile));
        Ok(())
    }
}

/// The profile as callers see it: the stored one with what is known of the user elsewhere.
pub(crate) fn compose(tx: &Tx<'_>, user: User, policies: &Policies) -> Work<UserProfile> {
    let mut profile = user.profile;
    user.beta.show_on(&mut profile);
    let joined = if policies.is_empty() { Vec::new() } else { tx.memberships(&profile.id)? };
    let of_policies = policies.of(&profile.id, &joined).map(|entity| ReferencedEntity {
        id: entity.id.clone(),
        reference: Some(Box::new(FlattenedEntity::from(entity))),
        schema: None,
    });
    // The cloud's come with the profile.
    let of_cloud = profile.entities.take().into_iter().flat_map(|entities| entities.iterable);
    let entities: Vec<ReferencedEntity> = of_cloud.chain(of_policies).collect();
    if !entities.is_empty() {
        let indices = (0..).zip(&entities).map(|(index, entity)| (entity.id.clone(), index)).collect();
        profile.entities =
            Some(FlattenedEntities { iterable: entities, indices: Some(indices), score: None, schema: None });
    }
    Ok(profile)
}
