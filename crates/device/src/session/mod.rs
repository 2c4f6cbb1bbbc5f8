//! Custody of the tokens of accounts: a session begins with a sign-in, its tokens are refreshed here and nowhere else,
//! and it ends by signing out or because the provider says so. A network or a disk that fails ends nothing.

mod begin;
mod end;
mod keep;
mod refresh;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, Shared};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use usher_domain::ambient::Ambient;
use usher_domain::store::Session;
use usher_wire::{Code, Error, GroupedTimestamp, Result, Secret, SessionStatus, Timestamp};

use crate::Device;
use crate::vault::Seal;
use usher_issuer::{TokenReply, Trouble};

pub(crate) use begin::{Proof, has_session, require_session};
pub(crate) use end::{end_session, session_is_over};

/// The least life of a token that is handed out, in seconds.
const LEAST_LIFE: i64 = 60;
/// Tokens are not refreshed in the background sooner than this after they were issued, however short their life.
const LEAST_PAUSE: i64 = 30;

/// What is known of sessions beside the store.
#[derive(Default)]
pub(crate) struct Sessions {
    /// The refresh that is under way for an account; whoever asks meanwhile gets its outcome.
    flights: Mutex<HashMap<String, Flight>>,
    /// Why the last refresh of an account failed.
    problems: Mutex<HashMap<String, Problem>>,
    /// What a provider gave for tokens that are worth nothing since, until the store has it.
    unwritten: Mutex<HashMap<String, Unwritten>>,
    /// There is something new to do in the background.
    changed: Notify,
}

type Flight = Shared<BoxFuture<'static, Result<Secret>>>;

/// New tokens, and the session as it is stored. Nobody is given them before they are durable.
#[derive(Clone)]
struct Unwritten {
    session: Session,
    tokens: Tokens,
}

/// A session that could not be refreshed, but has not ended.
#[derive(Clone)]
struct Problem {
    trouble: Trouble,
    since: Timestamp,
    attempts: u32,
    retry_at: Timestamp,
}

/// The tokens of an account, as they are sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    access_token: Secret,
    refresh_token: Option<Secret>,
    /// By this machine's clock; `None` when the provider did not say.
    expires_at: Option<Timestamp>,
}

impl Tokens {
    pub(crate) fn new(
        access_token: Secret,
        refresh_token: Option<Secret>,
        expires_in: Option<i64>,
        now: Timestamp,
    ) -> Self {
        let expires_at = expires_in.and_then(|seconds| after(now, seconds.max(0)));
        Self { access_token, refresh_token, expires_at }
    }

    /// What a provider answered. One that sends no refresh token means the old one to go on.
    pub(crate) fn of(reply: &TokenReply, old: Option<Secret>, now: Timestamp) -> Self {
        let refresh_token = reply.refresh_token.clone().or(old);
        Self::new(reply.access_token.clone(), refresh_token, reply.expires_in, now)
    }

    /// Seconds of life left; `None` when nobody knows.
    fn life(&self, now: Timestamp) -> Option<i64> {
        Some((self.expires_at?.as_millis() - now.as_millis()).div_euclid(1000))
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.life(now).is_none_or(|life| life >= LEAST_LIFE)
    }

    /// Four fifths of its life from now, a tenth more or less, so that a crowd of devices does not ask at once.
    fn refresh_at(&self, now: Timestamp, ambient: &Ambient) -> Option<Timestamp> {
        self.refresh_token.as_ref()?;
        let share = self.life(now)? * 8 / 10;
        let [draw] = ambient.secret::<1>();
        let jittered = share * (90 + i64::from(draw) * 20 / 255) / 100;
        after(now, jittered.max(LEAST_PAUSE))
    }

    fn seal(&self, seal: &Seal, user: &str) -> usher_issuer::Result<Vec<u8>> {
        let json = serde_json::to_vec(self).map(zeroize::Zeroizing::new);
        seal.close(user, &json.map_err(|error| Error::new(Code::Internal, error.to_string()))?)
    }

    fn open(seal: &Seal, session: &Session) -> usher_issuer::Result<Self> {
        let json = seal.open(&session.user_id, &session.tokens)?;
        // What serde says could quote the tokens.
        let unreadable = |_| Error::new(Code::Internal, "the stored tokens cannot be read: sign in again");
        Ok(serde_json::from_slice(&json).map_err(unreadable)?)
    }
}

fn after(now: Timestamp, seconds: i64) -> Option<Timestamp> {
    Timestamp::from_millis(now.as_millis().checked_add(seconds.checked_mul(1000)?)?).ok()
}

impl Sessions {
    fn flights(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problems(&self) -> MutexGuard<'_, HashMap<String, Problem>> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwritten(&self) -> MutexGuard<'_, HashMap<String, Unwritten>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose tokens the store has not taken, and when to try again; `None`: at once.
    fn left(&self) -> Vec<(String, Option<Timestamp>)> {
        let users: Vec<String> = self.unwritten().keys().cloned().collect();
        let problems = self.problems();
        let retry_at = |user: &String| problems.get(user).map(|problem| problem.retry_at);
        users.into_iter().map(|user| (user.clone(), retry_at(&user))).collect()
    }

    /// Notes why a refresh failed and answers when to try again: later each time, at a moment of chance.
    fn note(&self, user: &str, trouble: Trouble, now: Timestamp, ambient: &Ambient) {
        let mut problems = self.problems();
        let last = problems.get(user);
        let attempts = last.map_or(1, |last| last.attempts.saturating_add(1));
        let since = last.map_or(now, |last| last.since);
        let retry_at = after(now, pause(attempts, ambient)).unwrap_or(now);
        problems.insert(user.to_owned(), Problem { trouble, since, attempts, retry_at });
    }

    fn forget(&self, user: &str) {
        self.problems().remove(user);
    }
}

/// Seconds until the next attempt after so many: exponential up to five minutes, with full jitter above the least.
fn pause(attempts: u32, ambient: &Ambient) -> i64 {
    let most = 5_i64.saturating_mul(1 << attempts.min(8)).min(300);
    let [draw] = ambient.secret::<1>();
    5 + (most - 5) * i64::from(draw) / 255
}

impl Device {
    /// How the session of the current account is doing.
    pub(crate) async fn session_status(&self) -> Result<Option<SessionStatus>> {
        let Some(user) = self.present()?.user.as_ref().map(|user| user.id.clone()) else { return Ok(None) };
        let problem = self.0.sessions.problems().get(&user).cloned();
        let session = self.read(move |tx| tx.session(&user)).await?;
        Ok(session.map(|session| SessionStatus {
            issuer: session.issuer,
            token_store: session.key_store,
            refresh: session.refresh_at.map(GroupedTimestamp::from),
            since: problem.as_ref().map(|problem| GroupedTimestamp::from(problem.since)),
            problem: problem.map(|problem| problem.trouble.failure()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(expires_in: i64) -> (Tokens, Timestamp) {
        let now = Timestamp::from_millis(1_000_000).unwrap();
        (Tokens::new("a".into(), Some("r".into()), Some(expires_in), now), now)
    }

    #[test]
    fn a_token_is_refreshed_at_four_fifths_of_its_life_or_when_a_minute_is_left() {
        let (hour, now) = tokens(3600);
        for _ in 0..100 {
            let at = hour.refresh_at(now, &Ambient::of_this_machine()).unwrap();
            assert!((2592..=3168).contains(&((at.as_millis() - now.as_millis()) / 1000)), "{at:?}");
        }
        assert!(hour.is_fresh(now) && tokens(60).0.is_fresh(now) && !tokens(59).0.is_fresh(now));
        let (brief, now) = tokens(2);
        let at = brief.refresh_at(now, &Ambient::of_this_machine()).unwrap();
        assert_eq!(at.as_millis() - now.as_millis(), 30_000);
    }

    #[test]
    fn attempts_are_further_apart_each_time_and_never_more_than_five_minutes() {
        let ambient = Ambient::of_this_machine();
        for attempts in [1, 2, 5, 9, 40] {
            for _ in 0..100 {
                assert!(
                    (5..=300.min(5 << attempts.min(8))).contains(&pause(attempts, &ambient)),
                    "{attempts}"
                );
            }
        }
    }

    #[test]
    fn tokens_never_show_in_debug_output() {
        assert!(
            !format!("{:?}", Tokens::new("eyJ.secret".into(), None, None, tokens(1).1)).contains("secret")
        );
    }
}
