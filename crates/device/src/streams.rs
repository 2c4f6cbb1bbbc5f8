//! What streams carry: the present state first, then the newest after each change.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_stream::wrappers::WatchStream;
use usher_wire::{GroupedTimestamp, Present, UserLastCheckedInStreamOutput, Version};

use crate::Device;
use crate::bound::Follower;

/// How often a check-in stream speaks when nothing changes.
const CHECK_IN_EVERY: Duration = Duration::from_secs(60);

/// The states of one user, current or bound.
pub(crate) fn states(presence: Follower) -> BoxStream<'static, Arc<Present>> {
    let mut last: Option<Arc<Present>> = None;
    let states = WatchStream::new(presence).filter_map(std::future::ready);
    // What changed and changed back before the reader looked is no change to him.
    let changes = states.filter(move |present| {
        let is_new = last.as_ref().is_none_or(|last| last.user != present.user);
        last = Some(Arc::clone(present));
        std::future::ready(is_new)
    });
    changes.boxed()
}

impl Device {
    /// The check-ins of one user, current or bound.
    pub(crate) fn check_ins(
        &self,
        mut presence: Follower,
    ) -> BoxStream<'static, UserLastCheckedInStreamOutput> {
        presence.mark_changed();
        let mut beat = interval(CHECK_IN_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        let state = CheckIns { device: self.clone(), presence, beat, last: None };
        futures_util::stream::unfold(state, |mut state| async {
            loop {
                tokio::select! {
                    changed = state.presence.changed() => changed.ok()?,
                    _ = state.beat.tick() => break,
                }
                // A state that was in place before it was told is no news to who began in between.
                if state.last != Some(state.version()) {
                    break;
                }
            }
            Some((state.frame(), state))
        })
        .boxed()
    }
}

struct CheckIns {
    device: Device,
    presence: Follower,
    beat: Interval,
    /// What this connection's previous frame spoke of.
    last: Option<Option<Version>>,
}

impl CheckIns {
    fn version(&self) -> Option<Version> {
        self.presence.borrow().as_ref().map(|present| present.version)
    }

    /// A local account is in step with itself, so its last check-in is the present.
    fn frame(&mut self) -> UserLastCheckedInStreamOutput {
        let present = self.presence.borrow_and_update().clone();
        let version = present.as_ref().map(|present| present.version);
        let needs_refresh = self.last.is_some_and(|last| last != version);
        self.last = Some(version);
        let user_id = present.and_then(|present| present.user.as_ref().map(|user| user.id.clone()));
        let last_checked_in = user_id.is_some().then(|| GroupedTimestamp::from(self.device.0.ambient.now()));
        UserLastCheckedInStreamOutput {
            user_id,
            last_checked_in,
            needs_refresh,
            update_required: Some(false),
            schema: None,
        }
    }
}
