//! What streams carry: the present state first, then the newest after each change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_stream::wrappers::WatchStream;
use usher_wire::{GroupedTimestamp, Present, Timestamp, UserLastCheckedInStreamOutput, Version};

use crate::Device;
use crate::bound::Follower;
use crate::cloud::Contact;

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
        let contacts = self.0.cloud.contacts();
        let state = CheckIns { device: self.clone(), presence, contacts, beat, last: None };
        futures_util::stream::unfold(state, |mut state| async {
            loop {
                tokio::select! {
                    changed = state.presence.changed() => changed.ok()?,
                    // The device holds the sender.
                    _ = state.contacts.changed() => {}
                    _ = state.beat.tick() => break,
                }
                // A state that was in place before it was told is no news to who began in between.
                if state.last.as_ref() != Some(&state.told()) {
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
    contacts: watch::Receiver<HashMap<String, Contact>>,
    beat: Interval,
    /// What this connection's previous frame spoke of.
    last: Option<Told>,
}

/// Which state a frame speaks of, and the check-in it tells.
type Told = (Option<Version>, Option<Timestamp>);

impl CheckIns {
    fn told(&self) -> Told {
        let present = self.presence.borrow().clone();
        let user = present.as_ref().and_then(|present| present.user.as_ref());
        let contact = user.and_then(|user| self.device.0.cloud.contact(&user.id));
        (present.as_ref().map(|present| present.version), contact.and_then(|contact| contact.checked_in))
    }

    /// A local account is in step with itself, so its last check-in is the present.
    fn frame(&mut self) -> UserLastCheckedInStreamOutput {
        let present = self.presence.borrow_and_update().clone();
        self.contacts.borrow_and_update();
        let told = self.told();
        let is_news = self.last.as_ref().is_some_and(|(last, _)| *last != told.0);
        self.last = Some(told);
        let user_id = present.and_then(|present| present.user.as_ref().map(|user| user.id.clone()));
        let (cloud, now) = (&self.device.0.cloud, self.device.0.ambient.now());
        let contact = user_id.as_deref().and_then(|user| cloud.contact(user));
        let needs_refresh = is_news || contact.as_ref().is_some_and(|contact| contact.is_stale(now));
        let last_checked_in = match contact {
            Some(contact) => contact.checked_in,
            None => user_id.is_some().then_some(now),
        };
        UserLastCheckedInStreamOutput {
            user_id,
            last_checked_in: last_checked_in.map(GroupedTimestamp::from),
            needs_refresh,
            update_required: Some(cloud.wants_update()),
            schema: None,
        }
    }
}
