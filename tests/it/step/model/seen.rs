//! What readers may see: who is current, and of nobody anything older than what was there before.

use std::{collections::HashMap, sync::Mutex, time::Instant};

use serde_json::Value;

use super::said::word;

/// Who may be current on a device, and since when.
#[derive(Default)]
pub(super) struct Expected(Mutex<Vec<(Instant, Vec<Option<String>>)>>);

impl Expected {
    /// From now on it is this account, or nobody.
    pub(super) fn is(&self, account: Option<&str>) {
        self.0.lock().unwrap().push((Instant::now(), vec![account.map(str::to_owned)]));
    }

    /// From now on it may be this one as well.
    pub(super) fn may_become(&self, account: Option<&str>) {
        let mut times = self.0.lock().unwrap();
        let mut accounts = times.last().map(|(_, accounts)| accounts.clone()).unwrap_or_default();
        accounts.push(account.map(str::to_owned));
        times.push((Instant::now(), accounts));
    }

    /// Whether this was right at any time since then.
    pub(super) fn was(&self, account: Option<&str>, since: Instant) -> bool {
        let times = self.0.lock().unwrap();
        let first = times.iter().rposition(|(begun, _)| *begun <= since).unwrap_or_default();
        times[first..].iter().any(|(_, accounts)| accounts.iter().any(|may| may.as_deref() == account))
    }

    /// The account it is or may be now.
    pub(super) fn now(&self) -> Option<String> {
        self.0.lock().unwrap().last().and_then(|(_, accounts)| accounts.last().cloned().flatten())
    }
}

/// The newest stamps anybody was shown in one place, by account.
#[derive(Default)]
pub(super) struct Floor(Mutex<HashMap<String, String>>);

impl Floor {
    pub(super) fn of(&self, account: &str) -> String {
        self.0.lock().unwrap().get(account).cloned().unwrap_or_default()
    }

    pub(super) fn rises(&self, user: &Value) {
        let mut floors = self.0.lock().unwrap();
        let floor = floors.entry(id(user)).or_default();
        let stamp = stamp(user);
        if stamp > *floor {
            *floor = stamp;
        }
    }
}

/// What one reader saw so far.
#[derive(Default)]
pub(super) struct Seen {
    last: HashMap<String, Value>,
    /// The last word of each writer, by account and member.
    words: HashMap<(String, &'static str, String), u64>,
}

impl Seen {
    /// Sees a state, and says what is wrong with it.
    pub(super) fn sees(&mut self, user: &Value) -> Result<(), String> {
        let id = id(user);
        if let Some(last) = self.last.get(&id) {
            let (before, now) = (stamp(last), stamp(user));
            if now < before {
                return Err(format!("{now} after {before}: {user} after {last}"));
            }
            if now == before && user != last {
                return Err(format!("two states of one stamp: {user} and {last}"));
            }
        }
        for member in ["name", "username", "picture"] {
            let Some((writer, number)) = user[member].as_str().and_then(word) else {
                if self.words.keys().any(|(of, named, _)| *of == id && *named == member) {
                    return Err(format!("{member} is what it was in the beginning: {user}"));
                }
                continue;
            };
            let newest = self.words.entry((id.clone(), member, writer.clone())).or_default();
            // A page that gave up waiting does not know when the cloud does what it asked for.
            if number < *newest && writer != "web" {
                return Err(format!("{member} of {writer} is {number} after {newest}: {user}"));
            }
            *newest = number;
        }
        self.last.insert(id, user.clone());
        Ok(())
    }
}

pub(super) fn id(user: &Value) -> String {
    user["id"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn stamp(user: &Value) -> String {
    user["updated"]["value"].as_str().unwrap_or_default().to_owned()
}
