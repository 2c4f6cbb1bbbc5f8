//! Whom this device trusts: the origins of web pages, asked for in memory, and the record of what callers did.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use usher_domain::ambient::Ambient;
use usher_domain::origin::parse_origin;
use usher_domain::store::{Tx, Work};
use usher_wire::{
    Audit, AuditActionEnum, AuditEntry, Caller, Code, Error, Origin, OriginDecision, OriginVerdictEnum,
    Origins, Pages, Result, Timestamp,
};

use crate::Device;

/// Refused origins that are remembered; a page can have as many names as it likes.
const MOST_ASKING: usize = 64;
/// Origins somebody decided on.
const MOST_DECIDED: usize = 1000;

/// What is known of origins, in memory: the guard asks for each request of a page.
#[derive(Default)]
pub(crate) struct Trust {
    decided: RwLock<HashMap<String, bool>>,
    asking: Mutex<VecDeque<(String, Timestamp)>>,
    is_stale: AtomicBool,
}

impl Trust {
    /// Reads what is decided, if that changed. Runs in the store's writer after a commit.
    pub(crate) fn publish(&self, tx: &Tx<'_>) -> Work<()> {
        if self.is_stale.load(Ordering::Relaxed) {
            self.load(tx)?;
            self.is_stale.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Reads what is decided.
    pub(crate) fn load(&self, tx: &Tx<'_>) -> Work<()> {
        let origins = tx.origins()?.into_iter();
        let decided = origins.map(|origin| (origin.origin, origin.verdict == OriginVerdictEnum::Allowed));
        *self.decided.write().unwrap_or_else(PoisonError::into_inner) = decided.collect();
        Ok(())
    }

    fn verdict(&self, origin: &str) -> Option<bool> {
        self.decided.read().unwrap_or_else(PoisonError::into_inner).get(origin).copied()
    }

    /// Remembers that a page of this origin asked; the ones that asked last stay.
    fn ask(&self, origin: &str, now: Timestamp) {
        if parse_origin(origin).is_ok_and(|parsed| parsed == origin) {
            let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking.retain(|(known, _)| known != origin);
            asking.truncate(MOST_ASKING - 1);
            asking.push_front((origin.to_owned(), now));
        }
    }

    /// Those that asked and are not decided, the last one first.
    fn asking(&self) -> Vec<Origin> {
        let asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let open = asking.iter().filter(|(origin, _)| self.verdict(origin).is_none());
        open.map(|(origin, at)| Origin {
            origin: origin.clone(),
            verdict: OriginVerdictEnum::Asked,
            at: (*at).into(),
        })
        .collect()
    }
}

impl Pages for Device {
    fn verdict(&self, origin: &str) -> Option<bool> {
        let verdict = self.0.trust.verdict(origin);
        if verdict.is_none() {
            self.0.trust.ask(origin, self.0.ambient.now());
        }
        verdict
    }
}

impl Device {
    pub(crate) async fn origins(&self) -> Result<Origins> {
        let decided = self.read(|tx| tx.origins()).await?;
        Ok(Origins { iterable: self.0.trust.asking().into_iter().chain(decided).collect() })
    }

    /// Stores a decision; it holds from the answer on.
    pub(crate) async fn decide(&self, caller: &Caller, decision: OriginDecision) -> Result<Origin> {
        let witness = self.witness_of_a_person(caller)?;
        let OriginDecision { origin, allowed } = decision;
        let (origin, now) = (parse_origin(&origin)?, self.0.ambient.now());
        let device = self.clone();
        self.write(move |tx| {
            let known = tx.origins()?;
            if known.len() >= MOST_DECIDED && known.iter().all(|known| known.origin != origin) {
                let message = "too many origins are decided on: this device keeps 1,000";
                return Err(Error::new(Code::TooManyRequests, message).into());
            }
            tx.put_origin(&origin, allowed, now)?;
            let (verdict, action) = match allowed {
                true => (OriginVerdictEnum::Allowed, AuditActionEnum::OriginAllowed),
                false => (OriginVerdictEnum::Denied, AuditActionEnum::OriginDenied),
            };
            witness.record(tx, action, None, Some(&origin))?;
            device.0.trust.is_stale.store(true, Ordering::Relaxed);
            Ok(Origin { origin, verdict, at: now.into() })
        })
        .await
    }

    pub(crate) async fn audit(&self, caller: &Caller) -> Result<Audit> {
        self.witness_of_a_person(caller)?;
        Ok(Audit { iterable: self.read(|tx| tx.audit()).await? })
    }

    /// What writes down what `caller` does.
    pub(crate) fn witness(&self, caller: &Caller) -> Witness {
        Witness {
            ambient: self.0.ambient.clone(),
            application: caller.application.clone(),
            origin: caller.page.as_ref().map(|page| page.origin.clone()),
        }
    }

    /// The same for what only people decide, with programs they run: no page may widen its own rights.
    pub(crate) fn witness_of_a_person(&self, caller: &Caller) -> Result<Witness> {
        if caller.page.is_some() {
            let message = "web pages may not see or change what is trusted: use `usher` in a terminal";
            return Err(Error::new(Code::NotAllowed, message));
        }
        Ok(self.witness(caller))
    }
}

/// Writes down who did what, in the transaction that does it.
pub(crate) struct Witness {
    ambient: Ambient,
    application: Option<String>,
    origin: Option<String>,
}

impl Witness {
    /// Adds an entry: `user` is the account it is done to, `subject` what it is about.
    pub(crate) fn record(
        &self,
        tx: &Tx<'_>,
        action: AuditActionEnum,
        user: Option<&str>,
        subject: Option<&str>,
    ) -> Work<()> {
        // An id that is not registered is only something somebody says.
        let application = match &self.application {
            Some(id) if tx.is_revoked(id)?.is_some() => Some(id.clone()),
            _ => None,
        };
        let entry = AuditEntry {
            at: self.ambient.now().into(),
            action,
            user: user.map(str::to_owned),
            application,
            origin: self.origin.clone(),
            subject: subject.map(str::to_owned),
        };
        tx.insert_audit(self.ambient.uuid(), &entry)
    }
}
