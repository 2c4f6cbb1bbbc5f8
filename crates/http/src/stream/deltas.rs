//! Frames of the sub-protocol `usher.v1`: made of the state a reader was told last and the newest one. Readers who stand at
//! the same state are sent the same bytes, encoded once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::extract::ws::Utf8Bytes;
use sha2::{Digest, Sha256};
use usher_wire::{Present, UserFrame};

/// Frames remembered at once: those of the last few changes, which is when their readers ask for them.
const KEPT: usize = 16;

/// Frames that were made a moment ago, the newest first.
#[derive(Default)]
pub(crate) struct Deltas(Mutex<VecDeque<Made>>);

/// A frame, and the states it leads from and to. They are held weakly: a state may be large, and lives as long as it is
/// the present one.
struct Made {
    base: Option<Weak<Present>>,
    to: Weak<Present>,
    frame: Utf8Bytes,
}

/// What one reader is told of: what he was told last, or says that he has.
pub(crate) struct Changes {
    deltas: Arc<Deltas>,
    told: Option<Arc<Present>>,
    since: Option<String>,
}

impl Changes {
    /// Somebody who has the state of version `since`, if that is one.
    pub(crate) fn new(deltas: Arc<Deltas>, since: Option<String>) -> Self {
        Self { deltas, told: None, since }
    }

    /// The frame that brings him to this state.
    pub(crate) fn tell(&mut self, present: Arc<Present>) -> Utf8Bytes {
        let since = self.since.take();
        let frame = match since.map(|since| since == version(&present)) {
            Some(true) => encode(&UserFrame::unchanged(version(&present))),
            _ => self.deltas.frame(self.told.as_ref(), &present),
        };
        self.told = Some(present);
        frame
    }
}

impl Deltas {
    fn frame(&self, base: Option<&Arc<Present>>, to: &Arc<Present>) -> Utf8Bytes {
        let is_from = |made: &Made| match (&made.base, base) {
            (None, None) => true,
            (Some(made), Some(base)) => std::ptr::eq(made.as_ptr(), Arc::as_ptr(base)),
            _ => false,
        };
        let is_to = |made: &Made| std::ptr::eq(made.to.as_ptr(), Arc::as_ptr(to));
        if let Some(made) = self.made().iter().find(|made| is_to(made) && is_from(made)) {
            return made.frame.clone();
        }
        let before = base.and_then(|base| Some((version(base), base.user.as_ref()?)));
        let frame = encode(&UserFrame::new(version(to), before, to.user.as_ref()));
        let mut made = self.made();
        made.truncate(KEPT - 1);
        made.push_front(Made {
            base: base.map(Arc::downgrade),
            to: Arc::downgrade(to),
            frame: frame.clone(),
        });
        frame
    }

    fn made(&self) -> MutexGuard<'_, VecDeque<Made>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a state is called: a digest of what it shows. Numbers would not do, since they begin anew with a switch, with a
/// restored backup and at another service, and a reader who resumes must never take one state for another.
fn version(present: &Present) -> String {
    let digest = Sha256::digest(&present.envelope);
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(frame: &UserFrame) -> Utf8Bytes {
    serde_json::to_string(frame).expect("a frame has only string keys, so it encodes").into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use usher_wire::Version;

    use super::*;

    fn state(revision: u64, name: &str) -> Arc<Present> {
        let aesthetics = json!({ "theme": { "dark": true }, "font": { "size": 14 } });
        let user = json!({ "id": "ada", "name": name, "aesthetics": aesthetics });
        let user = serde_json::from_value(user).unwrap();
        Arc::new(Present::new(Version { generation: 1, revision }, Some(user)))
    }

    fn json_of(frame: &Utf8Bytes) -> Value {
        serde_json::from_str(frame).unwrap()
    }

    #[test]
    fn who_stands_at_the_same_state_shares_the_bytes() {
        let deltas = Arc::new(Deltas::default());
        let reader = || Changes::new(Arc::clone(&deltas), None);
        let (first, second, third) = (state(1, "Ada"), state(2, "Countess"), state(3, "Augusta"));
        let (mut one, mut two, mut slow) = (reader(), reader(), reader());
        let whole = one.tell(Arc::clone(&first));
        assert_eq!(two.tell(Arc::clone(&first)).as_ptr(), whole.as_ptr());
        assert_eq!(slow.tell(Arc::clone(&first)).as_ptr(), whole.as_ptr());
        let delta = one.tell(Arc::clone(&second));
        assert_eq!(two.tell(second).as_ptr(), delta.as_ptr());
        assert_eq!(json_of(&delta)["changed"], json!({ "name": "Countess" }));
        assert_eq!(json_of(&delta)["base"], json_of(&whole)["version"]);
        // He who missed one is told from where he stands.
        let (next, late) = (one.tell(Arc::clone(&third)), slow.tell(third));
        assert_eq!(json_of(&late)["base"], json_of(&whole)["version"]);
        assert_eq!(json_of(&late)["version"], json_of(&next)["version"]);
        assert_ne!(next, late);
    }

    #[test]
    fn who_has_the_state_is_told_no_more_than_that() {
        let deltas = Arc::new(Deltas::default());
        let tell = |since: Option<&str>, state: &Arc<Present>| {
            json_of(&Changes::new(Arc::clone(&deltas), since.map(str::to_owned)).tell(Arc::clone(state)))
        };
        let present = state(7, "Ada");
        let whole = tell(None, &present);
        let version = whole["version"].as_str().unwrap();
        // Another service, another count: the same state all the same.
        assert_eq!(tell(Some(version), &state(1, "Ada")), json!({ "version": version }));
        assert_eq!(tell(Some(version), &state(7, "Countess"))["user"]["name"], "Countess");
        for nonsense in ["", "7", "1-7", "\u{0}", &version[1..], &version.to_uppercase()] {
            assert_eq!(tell(Some(nonsense), &present), whole, "{nonsense}");
        }
    }

    #[test]
    fn few_frames_are_remembered_and_no_state() {
        let deltas = Arc::new(Deltas::default());
        let first = state(0, "Ada");
        let weak = Arc::downgrade(&first);
        Changes::new(Arc::clone(&deltas), None).tell(first);
        assert!(weak.upgrade().is_none());
        for revision in 1..100 {
            Changes::new(Arc::clone(&deltas), None).tell(state(revision, "Ada"));
        }
        assert_eq!(deltas.made().len(), KEPT);
    }
}
