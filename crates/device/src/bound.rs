//! The accounts that single callers are bound to (`Usher-Account`), each with its own present state in memory: made when
//! it is first asked for, kept in step by the store's writer as the current user's is, forgotten when nobody asks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use usher_domain::store::{Fault, Tx, Work};
use usher_wire::{Caller, Code, Error, Present, Result, Timestamp, UserProfile, Version};

use crate::Device;
use crate::accounts::unknown_user;
use crate::policies::Policies;
use crate::presence::{Memory, Post, compose};
use crate::session::{has_session, session_is_over};

/// How many accounts are kept in memory, beyond those that streams follow.
const KEPT: usize = 64;
/// Revisions are counted from here, apart from the current user's, which begin at 1: no version is one of both.
const APART: u64 = 1 << 32;

/// Follows one user, current or bound.
pub(crate) type Follower = watch::Receiver<Option<Arc<Present>>>;

/// The accounts in memory.
#[derive(Default)]
pub(crate) struct Bindings(Mutex<Bound>);

#[derive(Default)]
struct Bound {
    /// The one asked for last comes first. Only the store's writer adds and removes.
    accounts: VecDeque<Account>,
    /// States made so far, of all accounts together: an account that is forgotten and comes again does not go back.
    made: u64,
}

struct Account {
    id: String,
    /// What it is called, in lower case: only what means no other account.
    names: Vec<String>,
    post: Post,
    seen: Memory,
}

/// What the store says of an account.
struct Look {
    names: Vec<String>,
    /// `None`: its session is over.
    user: Option<UserProfile>,
    updated_at: Timestamp,
}

impl Bindings {
    /// The account of this name, in lower case, if it is in memory.
    fn find(&self, name: &str) -> Option<Follower> {
        let mut bound = self.bound();
        let is_called = |account: &Account| account.names.iter().any(|own| own == name);
        let found = bound.accounts.iter().position(is_called)?;
        let account = bound.accounts.remove(found)?;
        let follower = account.post.follow();
        bound.accounts.push_front(account);
        Some(follower)
    }

    /// Takes an account into memory, empty until the next [`Bindings::publish`]. Runs in the store's writer.
    fn keep(&self, id: String) -> Follower {
        let mut bound = self.bound();
        if let Some(account) = bound.accounts.iter().find(|account| account.id == id) {
            return account.post.follow();
        }
        let account = Account { id, names: Vec::new(), post: Post::default(), seen: Memory::default() };
        let follower = account.post.follow();
        bound.accounts.push_front(account);
        while bound.accounts.len() > KEPT
            && let Some(idle) = bound.accounts.iter().rposition(|account| !account.post.is_followed())
        {
            bound.accounts.remove(idle);
        }
        follower
    }

    /// The stamp of the revision that was shown as `version` to those bound to this account.
    pub(crate) fn stamp_of(&self, version: Version, user: &str) -> Option<Timestamp> {
        let bound = self.bound();
        bound.accounts.iter().find(|account| account.id == user)?.seen.stamp_of(version, user)
    }

    /// Brings all accounts in step with what is committed. One that cannot be read keeps no other from it.
    pub(crate) fn publish(&self, tx: &Tx<'_>, policies: &Policies, generation: u64) -> Work<()> {
        let ids: Vec<String> = self.bound().accounts.iter().map(|account| account.id.clone()).collect();
        let mut outcome = Ok(());
        for id in ids {
            // The lock is not held meanwhile: readers do not wait for the disk.
            match look(tx, policies, &id) {
                Ok(look) => self.show(&id, look, generation),
                Err(fault) => outcome = Err(fault),
            }
        }
        outcome
    }

    /// Replaces the state of an account if it differs. One that is gone leaves the empty state to who follows it.
    fn show(&self, id: &str, look: Option<Look>, generation: u64) {
        let mut bound = self.bound();
        let Bound { accounts, made } = &mut *bound;
        let Some(index) = accounts.iter().position(|account| account.id == id) else { return };
        let account = &mut accounts[index];
        let is_gone = look.is_none();
        let (user, updated_at) = match look {
            Some(look) => {
                account.names = look.names;
                (look.user, Some(look.updated_at))
            }
            None => (None, None),
        };
        if account.post.now().is_none_or(|last| last.user != user) {
            *made += 1;
            let version = Version { generation, revision: APART + *made };
            if let Some(updated_at) = updated_at {
                account.seen.push(version, id, updated_at);
            }
            account.post.replace(Present::new(version, user));
        }
        if is_gone && let Some(account) = accounts.remove(index) {
            account.post.tell();
        }
    }

    /// Tells everyone who follows what was published since.
    pub(crate) fn tell(&self) {
        self.bound().accounts.iter().for_each(|account| account.post.tell());
    }

    fn bound(&self) -> MutexGuard<'_, Bound> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device {
    /// The present state as this caller sees it: of the account he is bound to, else of the current user.
    pub(crate) async fn present_to(&self, caller: &Caller) -> Result<Arc<Present>> {
        let Some(name) = &caller.account else { return self.present() };
        self.bound(name).await?.borrow().clone().ok_or_else(unreadable)
    }

    /// Follows what this caller sees.
    pub(crate) async fn follow(&self, caller: &Caller) -> Result<Follower> {
        match &caller.account {
            Some(name) => self.bound(name).await,
            None => Ok(self.0.presence.follow()),
        }
    }

    /// Follows the account of this name, from memory if it is there.
    async fn bound(&self, name: &str) -> Result<Follower> {
        self.opened()?;
        let name = name.to_lowercase();
        if let Some(follower) = self.0.presence.bindings.find(&name) {
            return Ok(follower);
        }
        let device = self.clone();
        // The writer publishes before it answers. Whoever is followed is not forgotten, so it is still there then.
        let follower = self.write(move |tx| Ok(device.0.presence.bindings.keep(resolve(tx, &name)?))).await?;
        let is_there = follower.borrow().is_some();
        if is_there { Ok(follower) } else { Err(unreadable()) }
    }
}

/// 401: nobody is there to speak of.
pub(crate) fn signed_out(caller: &Caller) -> Error {
    if caller.account.is_some() { session_is_over() } else { Error::not_signed_in() }
}

fn unreadable() -> Error {
    Error::new(Code::Internal, "the account cannot be read: see the daemon's log")
}

/// The account a name in lower case means: the one with this id, else the only one with this e-mail or user name.
fn resolve(tx: &Tx<'_>, name: &str) -> Work<String> {
    let mut ids = tx.accounts_named(name)?;
    if ids.iter().any(|id| id == name) {
        return Ok(name.to_owned());
    }
    let id = ids.pop().ok_or_else(|| unknown_user(name))?;
    if ids.is_empty() {
        return Ok(id);
    }
    let message =
        format!("several accounts of this device are called `{name}`: name one by its id, see `GET /users`");
    Err(Error::new(Code::Conflict, message).into())
}

/// `None` when the account is not on this device any more.
fn look(tx: &Tx<'_>, policies: &Policies, id: &str) -> Work<Option<Look>> {
    let (Some(_), Some(user)) = (tx.account(id)?, tx.user(id)?) else { return Ok(None) };
    let mut names = Vec::new();
    let own = [Some(id), user.profile.email.as_deref(), user.profile.username.as_deref()];
    for name in own.into_iter().flatten().map(str::to_lowercase) {
        match resolve(tx, &name) {
            Ok(found) if found == id => names.push(name),
            Ok(_) | Err(Fault::Refused(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    let updated_at = user.updated_at;
    let user = if has_session(tx, id)? { Some(compose(tx, user, policies)?) } else { None };
    Ok(Some(Look { names, user, updated_at }))
}
