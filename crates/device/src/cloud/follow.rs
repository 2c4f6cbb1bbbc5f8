//! One task for each account follows it at the cloud: a stream for changes, check-ins beside it, and the queue of edits.
//! What is lost is tried again, later each time, at once when somebody asks.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use usher_client::Known;
use usher_domain::ambient::Ambient;
use usher_wire::{Code, Error, Result, UserApi};

use super::line::at_cloud;
use crate::Device;

/// How often accounts are looked for that nobody told of.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often the cloud is asked though it says nothing; a tenth more or less.
const CHECK_IN_EVERY: Duration = Duration::from_secs(600);
/// A stream that ends sooner was none.
const LEAST_STREAM: Duration = Duration::from_secs(1);

/// A task that ends with whoever holds it.
struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Device {
    /// Keeps all accounts in step with the cloud, if there is one, until the future is dropped.
    pub async fn keep_in_step(&self) {
        if !self.0.cloud.is_there() {
            return std::future::pending().await;
        }
        let mut following: HashMap<String, Following> = HashMap::new();
        loop {
            if let Ok(users) = self
                .read(|tx| Ok(tx.sessions()?.into_iter().map(|session| session.user_id).collect::<Vec<_>>()))
                .await
            {
                following.retain(|user, task| users.contains(user) && !task.0.is_finished());
                for user in users {
                    let device = self.clone();
                    following.entry(user.clone()).or_insert_with(|| {
                        Following(tokio::spawn(async move { device.follow_at_cloud(&user).await }))
                    });
                }
            }
            // Told or not, the next look finds out.
            drop(timeout(LOOK_EVERY, self.0.cloud.changed.notified()).await);
        }
    }

    /// Stays in step as long as the account has a session.
    async fn follow_at_cloud(&self, user: &str) {
        let bell = self.0.cloud.bell(user);
        let (mut attempts, known) = (0, Known::default());
        loop {
            let begun = Instant::now();
            let ended = self.stay_in_step(user, &known, &mut attempts).await;
            let has_session = {
                let user = user.to_owned();
                self.read(move |tx| tx.session(&user)).await.map_or(true, |session| session.is_some())
            };
            if !has_session {
                return;
            }
            match ended {
                // The cloud ends a stream with its token: the next one comes with another.
                Ok(()) if begun.elapsed() >= LEAST_STREAM => continue,
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, user, "cloud.lost");
                    let now = self.0.ambient.now();
                    self.0.cloud.note(user, |contact| contact.loses(&error, now));
                }
            }
            attempts += 1;
            let said = async {
                tokio::select! {
                    () = bell.asked.notified() => {}
                    () = bell.edited.notified() => {}
                }
            };
            // Asked, edited or neither: it is tried again.
            drop(timeout(pause(attempts, &self.0.ambient), said).await);
        }
    }

    /// One connection, from its beginning to its end.
    async fn stay_in_step(&self, user: &str, known: &Known, attempts: &mut u32) -> Result<()> {
        let bell = self.0.cloud.bell(user);
        let mut line = self.line(user).await?;
        // First the ear, then the eye: a change between the two would be missed the other way round.
        let first = line.client.connect_user_from(&line.caller, known).await;
        let again = self.may_ask_again(&mut line, first.as_ref().err()).await;
        let mut states =
            if again { line.client.connect_user_from(&line.caller, known).await? } else { first? };
        self.check_in(user).await?;
        self.push_edits(user).await?;
        let mut next_check_in = Instant::now() + jittered(CHECK_IN_EVERY, &self.0.ambient);
        loop {
            tokio::select! {
                state = states.next() => match state.map(|present| present.user.clone()) {
                    Some(Some(shown)) => {
                        *attempts = 0;
                        self.adopt(user, shown, None).await?;
                    }
                    Some(None) => return Err(Error::new(Code::NotSignedIn, "the cloud knows nobody by this token")),
                    None => return Ok(()),
                },
                () = bell.edited.notified() => self.push_edits(user).await?,
                () = sleep_until(next_check_in) => {
                    self.check_in(user).await?;
                    next_check_in = Instant::now() + jittered(CHECK_IN_EVERY, &self.0.ambient);
                }
            }
        }
    }

    /// Asks the cloud what is new. A cloud that cannot ask the identity provider still says what it knows.
    pub(crate) async fn check_in(&self, user: &str) -> Result<()> {
        match at_cloud!(self, user, line => line.client.refresh_user(&line.caller)) {
            Ok(shown) => self.adopt(user, shown, None).await,
            Err(error) if error.code == Code::UpstreamFailed => self.look_at_cloud(user).await,
            Err(error) => Err(error),
        }
    }

    /// The same for somebody who waits for it; whoever follows tries again now, too.
    pub(crate) async fn check_in_now(&self, user: &str) -> Result<()> {
        self.0.cloud.asked(user);
        self.check_in(user).await
    }
}

/// How long to wait after so many failures: exponential up to five minutes, with full jitter.
fn pause(attempts: u32, ambient: &Ambient) -> Duration {
    let most = Duration::from_secs(1).saturating_mul(1 << attempts.min(9)).min(Duration::from_secs(300));
    most.mul_f64(f64::from(u16::from_le_bytes(ambient.secret::<2>())) / f64::from(u16::MAX))
}

/// A tenth more or less, so that a crowd of devices does not ask at once.
fn jittered(pause: Duration, ambient: &Ambient) -> Duration {
    let [draw] = ambient.secret::<1>();
    pause.mul_f64(0.9 + 0.2 * f64::from(draw) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_never_more_than_five_minutes_apart() {
        let ambient = Ambient::of_this_machine();
        for attempts in [1, 3, 9, 10, u32::MAX] {
            let pauses: Vec<_> = (0..100).map(|_| pause(attempts, &ambient)).collect();
            assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(300)), "{attempts}");
            assert!(pauses.iter().any(|pause| pause != &pauses[0]), "full jitter");
        }
        assert!((540.0..=660.0).contains(&jittered(CHECK_IN_EVERY, &ambient).as_secs_f64()));
    }
}
