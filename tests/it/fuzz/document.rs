//! JSON that differs from that of a corpus by a few values and is mostly still of the shape that is read.

use proptest::{prelude::*, sample::Index};
use serde_json::Value;

/// A value and the key it stands under; an item of a list stands under the list's key and `[]`.
type Node = (String, Value);

fn collect(key: String, value: &Value, found: &mut Vec<Node>) {
    found.push((key.clone(), value.clone()));
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| collect(key.clone(), value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(format!("{key}[]"), item, found)),
        _ => {}
    }
}

/// One change of the value at a place: what stands elsewhere under its key, any other value, or one more or less in it.
#[derive(Debug, Clone)]
struct Change {
    kind: u8,
    at: Index,
    from: Index,
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        (0..6_u8, any::<Index>(), any::<Index>()).prop_map(|(kind, at, from)| Self { kind, at, from })
    }

    fn make(&self, document: &mut Value, pool: &[Node]) {
        let mut nodes = Vec::new();
        collect(String::new(), document, &mut nodes);
        let mut before = self.at.index(nodes.len());
        self.descend(String::new(), document, &mut before, pool);
    }

    /// Changes the value that comes after `before` others; `true` when that is done.
    fn descend(&self, key: String, value: &mut Value, before: &mut usize, pool: &[Node]) -> bool {
        if *before == 0 {
            self.change(&key, value, pool);
            return true;
        }
        *before -= 1;
        match value {
            Value::Object(members) => {
                members.iter_mut().any(|(key, value)| self.descend(key.clone(), value, before, pool))
            }
            Value::Array(items) => {
                items.iter_mut().any(|item| self.descend(format!("{key}[]"), item, before, pool))
            }
            _ => false,
        }
    }

    fn change(&self, key: &str, value: &mut Value, pool: &[Node]) {
        let alike: Vec<_> = pool.iter().filter(|(other, _)| other == key).collect();
        let (other_key, other) = &pool[self.from.index(pool.len())];
        match (self.kind, value) {
            (0..=2, value) if !alike.is_empty() => *value = alike[self.from.index(alike.len())].1.clone(),
            (3, Value::Array(items)) => {
                let fits: Vec<_> = pool.iter().filter(|(other, _)| *other == format!("{key}[]")).collect();
                items.extend(fits.get(self.from.index(fits.len().max(1))).map(|(_, item)| item.clone()));
            }
            (3, Value::Object(members)) => drop(members.insert(other_key.clone(), other.clone())),
            (4, Value::Array(items)) if !items.is_empty() => drop(items.remove(self.from.index(items.len()))),
            (4, Value::Object(members)) if !members.is_empty() => {
                let name = members.keys().nth(self.from.index(members.len())).cloned();
                if let Some(name) = name {
                    members.remove(&name);
                }
            }
            (5, value) => *value = other.clone(),
            (_, value) => *value = Value::Null,
        }
    }
}

/// Changed documents of the corpus.
pub(crate) fn changed(corpus: Vec<Value>) -> impl Strategy<Value = Vec<u8>> {
    let mut pool = Vec::new();
    corpus.iter().for_each(|document| collect(String::new(), document, &mut pool));
    (any::<Index>(), prop::collection::vec(Change::any(), 1..6)).prop_map(move |(entry, changes)| {
        let mut document = entry.get(&corpus).clone();
        changes.iter().for_each(|change| change.make(&mut document, &pool));
        document.to_string().into_bytes()
    })
}
