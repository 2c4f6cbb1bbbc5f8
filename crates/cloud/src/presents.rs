//! What people looked like when they were read last, encoded. A revision and its stamp say whether that still holds, so
//! nothing here can be stale.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use usher_wire::Present;

/// People remembered at once; some kilobytes each.
const MOST: usize = 4096;

/// People as they were read last, by id.
#[derive(Default)]
pub(crate) struct Presents(Mutex<HashMap<String, Arc<Present>>>);

impl Presents {
    /// The person at this revision with this stamp, if that is what was read last. Who was deleted and comes back under the
    /// same id begins at the first revision again.
    pub(crate) fn get(&self, user: &str, (revision, stamp): (u64, i64)) -> Option<Arc<Present>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |present: &&Arc<Present>| {
            let updated = present.user.as_ref().and_then(|user| user.updated.as_ref());
            present.version.revision == revision && updated.is_some_and(|at| at.value.as_millis() == stamp)
        };
        known.get(user).filter(is_same).cloned()
    }

    pub(crate) fn put(&self, present: &Arc<Present>) {
        let Some(user) = &present.user else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&user.id) {
            known.clear();
        }
        known.insert(user.id.clone(), Arc::clone(present));
    }
}
