//! What happens to sessions while nobody asks: tokens are refreshed in time, and debts to providers are paid.

use std::time::Duration;

use usher_domain::store::{Owed, Session};
use usher_wire::{Result, Timestamp};

use crate::Device;

/// The longest sleep with something to do: the clock may jump, and a machine may have slept itself.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Device {
    /// Keeps sessions alive and pays what is owed until the future is dropped.
    pub async fn keep_sessions(&self) {
        loop {
            let (sessions, owed) = match self.work().await {
                Ok(work) => work,
                // The store has failed and said so in the log.
                Err(_) => {
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
            };
            let now = self.0.ambient.now();
            for session in sessions.iter().filter(|session| self.due(session).is_some_and(|due| due <= now)) {
                // Its failure is noted there, and retried from here.
                drop(self.refreshed(&session.user_id).await);
            }
            // Not among them is who signed out meanwhile: what he got is revoked, which is written down, too.
            for (user, _) in
                self.0.sessions.left().into_iter().filter(|(_, at)| at.is_none_or(|at| at <= now))
            {
                drop(self.refreshed(&user).await);
            }
            let (due, later): (Vec<Owed>, Vec<Owed>) = owed.into_iter().partition(|owed| owed.due_at <= now);
            for owed in due {
                drop(self.pay(owed).await);
            }
            self.sleep(&sessions, &later, now).await;
        }
    }

    async fn work(&self) -> Result<(Vec<Session>, Vec<Owed>)> {
        self.read(|tx| Ok((tx.sessions()?, tx.owed()?))).await
    }

    /// When a session is to be refreshed, or tried again after a failure.
    fn due(&self, session: &Session) -> Option<Timestamp> {
        let due = session.refresh_at?;
        let retry_at = self.0.sessions.problems().get(&session.user_id).map(|problem| problem.retry_at);
        Some(retry_at.map_or(due, |retry_at| retry_at.max(due)))
    }

    /// Until the next thing is due, or something changed.
    async fn sleep(&self, sessions: &[Session], owed: &[Owed], before: Timestamp) {
        let next = sessions
            .iter()
            .filter_map(|session| self.due(session))
            .chain(owed.iter().map(|owed| owed.due_at))
            .chain(self.0.sessions.left().into_iter().filter_map(|(_, retry_at)| retry_at));
        let changed = self.0.sessions.changed.notified();
        // What was due before is done, or has another time now that the next look will find.
        let Some(next) = next.min() else { return changed.await };
        let left = u64::try_from(next.as_millis() - before.as_millis()).unwrap_or_default().max(1000);
        let pause = Duration::from_millis(left).min(LOOK_EVERY);
        // Woken or not, the next look finds out.
        drop(tokio::time::timeout(pause, changed).await);
    }
}
