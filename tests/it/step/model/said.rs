//! What was said about somebody: each writer's last value of a member that was taken, and those he heard no answer to.

use std::{collections::HashMap, sync::Mutex};

use serde_json::{Value, json};

/// Of one person, by member and writer.
#[derive(Default)]
pub(super) struct Said(Mutex<HashMap<(&'static str, String), Words>>);

/// Of one writer of a member.
#[derive(Default)]
struct Words {
    taken: Option<Value>,
    /// Perhaps taken, after that.
    unanswered: Vec<Value>,
}

impl Said {
    pub(super) fn taken(&self, member: &'static str, writer: &str, value: &Value) {
        let mut said = self.0.lock().unwrap();
        let words = said.entry((member, writer.to_owned())).or_default();
        words.taken = Some(value.clone());
        // What a page asked for and gave up may still happen; a device that ended has forgotten it.
        if writer != "web" {
            words.unanswered.clear();
        }
    }

    pub(super) fn unanswered(&self, member: &'static str, writer: &str, value: &Value) {
        let mut said = self.0.lock().unwrap();
        said.entry((member, writer.to_owned())).or_default().unanswered.push(value.clone());
    }

    /// Nothing is under way any more.
    pub(super) fn settle(&self) {
        for ((_, writer), words) in self.0.lock().unwrap().iter_mut() {
            if writer == "web" {
                words.unanswered.clear();
            }
        }
    }

    /// Says which member does not have a value that was said last by one of its writers.
    pub(super) fn check(&self, user: &Value) -> Result<(), String> {
        let said = self.0.lock().unwrap();
        let mut by_member: HashMap<&str, Vec<&Words>> = HashMap::new();
        for ((member, _), words) in said.iter() {
            by_member.entry(member).or_default().push(words);
        }
        for (member, words) in by_member {
            let is_untouched = words.iter().all(|words| words.taken.is_none());
            let may = words.iter().flat_map(|words| words.taken.iter().chain(&words.unanswered));
            let may: Vec<_> = may.collect();
            let is = value_of(user, member);
            if !is_untouched && !may.contains(&is) {
                return Err(format!("{member} is {is}, and should be one of {may:?}"));
            }
        }
        Ok(())
    }
}

/// The nth value of a writer for a member of a person; not for whether it is dark, which is the other of two.
pub(super) fn value(member: &str, person: &str, writer: &str, number: u64) -> Value {
    match member {
        "name" => json!(format!("{person} {writer} {number}")),
        "username" => json!(format!("{person}.{writer}.{number}")),
        "picture" => json!(format!("https://img.example.org/{person}/{writer}/{number}")),
        _ => json!(6 + number % 91),
    }
}

/// The writer and the number in a value.
pub(super) fn word(value: &str) -> Option<(String, u64)> {
    let mut parts = value.rsplit([' ', '.', '/']);
    let number = parts.next()?.parse().ok()?;
    Some((parts.next()?.to_owned(), number))
}

/// Where a member stands in a profile.
fn place(member: &str) -> &'static str {
    match member {
        "name" => "/name",
        "username" => "/username",
        "picture" => "/picture",
        "size" => "/aesthetics/font/size",
        _ => "/aesthetics/theme/dark",
    }
}

pub(super) fn value_of<'a>(user: &'a Value, member: &str) -> &'a Value {
    user.pointer(place(member)).unwrap_or(&Value::Null)
}

/// Puts it into a profile that was read, or into an edit of its own.
pub(super) fn put(user: &mut Value, member: &str, value: Value) {
    match user.pointer_mut(place(member)) {
        Some(there) => *there = value,
        None => user[member] = value,
    }
}
