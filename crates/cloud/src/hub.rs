//! The people whose streams are open at this node: for each the newest state, shared by all their streams.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use usher_wire::{Present, Timestamp};

/// What the streams of one person show.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// The person; `None` when the account is gone.
    pub(crate) present: Option<Arc<Present>>,
    /// Sessions that were ended, and by when their tokens are refused; milliseconds since 1970.
    pub(crate) refused: Arc<[(String, i64)]>,
    /// When this was read.
    pub(crate) at: Option<Timestamp>,
}

/// The people whose streams are open.
#[derive(Default)]
pub(crate) struct Hub(Mutex<HashMap<String, watch::Sender<Seen>>>);

impl Hub {
    /// Follows a person. What is seen first may be nothing yet.
    pub(crate) fn follow(&self, user: &str) -> watch::Receiver<Seen> {
        self.people().entry(user.to_owned()).or_default().subscribe()
    }

    /// The people followed now; those whom nobody follows any more are forgotten.
    pub(crate) fn followed(&self) -> Vec<String> {
        let mut people = self.people();
        people.retain(|_, seen| seen.receiver_count() > 0);
        people.keys().cloned().collect()
    }

    /// The revision shown of a person; `None` when nobody follows him.
    pub(crate) fn revision(&self, user: &str) -> Option<u64> {
        let people = self.people();
        let seen = people.get(user).filter(|seen| seen.receiver_count() > 0)?;
        let seen = seen.borrow();
        Some(seen.present.as_ref().map_or(0, |present| present.version.revision))
    }

    /// Shows what was read, unless something newer is shown already.
    pub(crate) fn show(&self, user: &str, new: Seen) {
        let people = self.people();
        let Some(seen) = people.get(user) else { return };
        seen.send_if_modified(|shown| {
            let version = |seen: &Seen| seen.present.as_ref().map(|present| present.version);
            let is_older = new.present.is_some() && version(&new) < version(shown);
            let is_same =
                version(&new) == version(shown) && new.refused == shown.refused && shown.at.is_some();
            if !is_older && !is_same {
                *shown = new;
            }
            !is_older && !is_same
        });
    }

    fn people(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Seen>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
