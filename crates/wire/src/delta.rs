//! The sub-protocol `usher.v1` of `/user/stream`: the whole state once, then what each change makes of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Edit, UserProfile};

/// What a client offers in `Sec-WebSocket-Protocol` to be sent [`UserFrame`]s.
pub const USER_STREAM_PROTOCOL: &str = "usher.v1";

/// One message: the whole state (`user`, which is `null` when signed out), what makes it of the state before (`base`), or
/// nothing but its version, for who has it already. Not `Debug`: profiles hold keys.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UserFrame {
    /// What the state is called. Equal states have equal versions, whoever tells them; nothing else is to be read from it.
    pub version: String,
    /// The version of the state that `changed` and `removed` are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The whole state.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    pub user: Edit<UserProfile>,
    /// The members of the profile that are new or have another value.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub changed: Map<String, Value>,
    /// The members that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

impl UserFrame {
    /// The frame for a reader who was told `base`, a state and its version. Another person is told whole.
    pub fn new(version: String, base: Option<(String, &UserProfile)>, user: Option<&UserProfile>) -> Self {
        match (base, user) {
            (Some((base, before)), Some(after)) if before.id == after.id => {
                let (before, after) = (members(before), members(after));
                let removed = before.keys().filter(|name| !after.contains_key(*name)).cloned().collect();
                let is_news = |(name, value): &(String, Value)| before.get(name) != Some(value);
                let changed = after.into_iter().filter(is_news).collect();
                Self { version, base: Some(base), user: Edit::Keep, changed, removed }
            }
            (_, user) => Self { version, user: Edit::from(user.cloned()), ..Self::default() },
        }
    }

    /// The frame for a reader who has this state.
    pub fn unchanged(version: String) -> Self {
        Self { version, ..Self::default() }
    }

    /// The state after this frame for a reader whose state was `known`, and its version. `None` when the frame is about
    /// another state: then he has to ask anew.
    pub fn apply(self, known: Option<(&str, Option<&UserProfile>)>) -> Option<(String, Option<UserProfile>)> {
        let user = match (self.user, known) {
            (Edit::Set(user), _) => Some(user),
            (Edit::Clear, _) => None,
            (Edit::Keep, Some((version, user))) if self.base.is_none() && version == self.version => {
                user.cloned()
            }
            (Edit::Keep, Some((version, Some(user)))) if self.base.as_deref() == Some(version) => {
                let mut members = members(user);
                self.removed.iter().for_each(|name| drop(members.remove(name)));
                members.extend(self.changed);
                Some(serde_json::from_value(Value::Object(members)).ok()?)
            }
            (Edit::Keep, _) => return None,
        };
        Some((self.version, user))
    }
}

/// The members of a profile as they are on the wire.
fn members(user: &UserProfile) -> Map<String, Value> {
    match serde_json::to_value(user) {
        Ok(Value::Object(members)) => members,
        // A profile is an object with string keys, so it always encodes as one.
        _ => Map::new(),
    }
}
