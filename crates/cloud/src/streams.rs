//! What streams carry: the person's present state first, then the newest after each change at whatever node; until the
//! token they came with ends or its session is ended.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_stream::wrappers::WatchStream;
use usher_wire::{Caller, GroupedTimestamp, Present, Result, UserLastCheckedInStreamOutput};

use crate::Cloud;
use crate::authority::Bearer;
use crate::hub::Seen;
use crate::users::{Visit, present};

/// How often a check-in stream speaks when nothing changes.
const CHECK_IN_EVERY: Duration = Duration::from_secs(60);

impl Cloud {
    /// Reads a person again for the streams that show him.
    pub(crate) async fn show(&self, user: &str) {
        let now = self.0.ambient.now();
        match self.shown(user).await {
            Ok(shown) => {
                let (present, refused) = match shown {
                    Some(shown) => (Some(present(shown.user, &shown.entities)), shown.refused),
                    None => (None, Vec::new()),
                };
                let present = present.map(Arc::new);
                self.0.hub.show(user, Seen { present, refused: refused.into(), at: Some(now) });
            }
            Err(error) => tracing::warn!(%error, "streams show an older state until it can be read"),
        }
    }

    /// The states of whoever holds the caller's token.
    async fn follow(&self, caller: &Caller) -> Result<(watch::Receiver<Seen>, Until)> {
        let visit = self.visit(caller).await?;
        let user = &visit.id;
        // First the ear, then the eye: a change between the two would be missed the other way round.
        let seen = self.0.hub.follow(user);
        self.show(user).await;
        Ok((seen, self.until(&visit)))
    }

    fn until(&self, visit: &Visit) -> Until {
        let left = visit.bearer.expires_at - self.0.ambient.now().as_millis();
        Until {
            session: visit.session.clone(),
            bearer: Arc::clone(&visit.bearer),
            expires: Instant::now() + Duration::from_millis(left.max(0).unsigned_abs()),
        }
    }

    pub(crate) async fn states(&self, caller: &Caller) -> Result<BoxStream<'static, Arc<Present>>> {
        let (seen, until) = self.follow(caller).await?;
        let expiry = tokio::time::sleep_until(until.expires);
        let mut last: Option<Arc<Present>> = None;
        let states = WatchStream::new(seen)
            .filter(|seen| std::future::ready(seen.at.is_some()))
            .take_while(move |seen| std::future::ready(until.holds(seen)))
            .filter_map(|seen| std::future::ready(seen.present))
            // What changed and changed back before the reader looked is no change to him.
            .filter(move |present| {
                let is_new = last.as_ref().is_none_or(|last| last.user != present.user);
                last = Some(Arc::clone(present));
                std::future::ready(is_new)
            })
            .take_until(expiry);
        Ok(states.boxed())
    }

    pub(crate) async fn check_ins(
        &self,
        caller: &Caller,
    ) -> Result<BoxStream<'static, UserLastCheckedInStreamOutput>> {
        let (mut seen, until) = self.follow(caller).await?;
        seen.mark_changed();
        let mut beat = interval(CHECK_IN_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        let expiry = tokio::time::sleep_until(until.expires);
        let state = CheckIns { cloud: self.clone(), seen, beat, until, last: None };
        let frames = futures_util::stream::unfold(state, |mut state| async {
            tokio::select! {
                changed = state.seen.changed() => changed.ok()?,
                _ = state.beat.tick() => {}
            }
            Some((state.frame()?, state))
        });
        Ok(frames.take_until(expiry).boxed())
    }
}

/// When a stream ends.
struct Until {
    session: String,
    bearer: Arc<Bearer>,
    expires: Instant,
}

impl Until {
    /// Whether the account is there and the session is not ended.
    fn holds(&self, seen: &Seen) -> bool {
        let is_refused =
            |(session, before): &(String, i64)| *session == self.session && self.bearer.issued_at <= *before;
        seen.present.is_some() && !seen.refused.iter().any(is_refused)
    }
}

struct CheckIns {
    cloud: Cloud,
    seen: watch::Receiver<Seen>,
    beat: Interval,
    until: Until,
    /// The revision this connection's previous frame spoke of.
    last: Option<u64>,
}

impl CheckIns {
    /// The caller is in step with the cloud while it is connected to it.
    fn frame(&mut self) -> Option<UserLastCheckedInStreamOutput> {
        let seen = self.seen.borrow_and_update().clone();
        if !self.until.holds(&seen) {
            return None;
        }
        let present = seen.present?;
        let revision = present.version.revision;
        let needs_refresh = self.last.is_some_and(|last| last != revision);
        self.last = Some(revision);
        Some(UserLastCheckedInStreamOutput {
            user_id: present.user.as_ref().map(|user| user.id.clone()),
            last_checked_in: Some(GroupedTimestamp::from(self.cloud.0.ambient.now())),
            needs_refresh,
            update_required: Some(false),
            schema: None,
        })
    }
}
