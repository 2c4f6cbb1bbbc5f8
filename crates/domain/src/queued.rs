//! An edit that a device made and its cloud has not acknowledged: only the members it meant, so that it can be laid over
//! any later state, and be sent with the state it is laid over as its base.

use serde::{Deserialize, Serialize};
use usher_wire::{Edit, ProfileUpdate, UserProfile};

use crate::profile::Writable;

/// The members one edit changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct QueuedEdit {
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    name: Edit<String>,
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    username: Edit<String>,
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    picture: Edit<String>,
    dark: Option<bool>,
    font_size: Option<i64>,
}

impl QueuedEdit {
    /// What differs between two states; `None` when nothing does that a cloud takes.
    pub fn between(before: &UserProfile, after: &UserProfile) -> Option<Self> {
        let (before, after) = (Writable::from(before), Writable::from(after));
        let member = |before: &Option<String>, after: &Option<String>| match before == after {
            true => Edit::Keep,
            false => Edit::from(after.clone()),
        };
        let edit = Self {
            name: member(&before.name, &after.name),
            username: member(&before.username, &after.username),
            picture: member(&before.picture, &after.picture),
            dark: (before.dark != after.dark).then_some(after.dark),
            font_size: (before.font_size != after.font_size).then_some(after.font_size),
        };
        (edit != Self::default()).then_some(edit)
    }

    /// Lays the edit over a state.
    pub fn lay_over(&self, profile: &mut UserProfile) {
        let lay = |edit: &Edit<String>, member: &mut Option<String>| match edit {
            Edit::Keep => {}
            Edit::Clear => *member = None,
            Edit::Set(value) => *member = Some(value.clone()),
        };
        lay(&self.name, &mut profile.name);
        lay(&self.username, &mut profile.username);
        lay(&self.picture, &mut profile.picture);
        profile.aesthetics.theme.dark = self.dark.unwrap_or(profile.aesthetics.theme.dark);
        profile.aesthetics.font.size = self.font_size.unwrap_or(profile.aesthetics.font.size);
    }

    /// The edit as a cloud takes it, made from the state it showed last.
    pub fn to_update(&self, base: &UserProfile) -> ProfileUpdate {
        let mut laid = base.clone();
        self.lay_over(&mut laid);
        ProfileUpdate {
            id: Some(base.id.clone()),
            updated: base.updated.clone(),
            name: self.name.clone(),
            username: self.username.clone(),
            picture: self.picture.clone(),
            // The half that was not meant is as in the base, so it is not meant there either.
            aesthetics: (self.dark.is_some() || self.font_size.is_some()).then_some(laid.aesthetics),
            ..ProfileUpdate::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Base, merge, new_profile};
    use usher_wire::Timestamp;

    fn profile(name: Option<&str>, dark: bool, size: i64) -> UserProfile {
        let mut profile = new_profile("ada".into(), Timestamp::from_millis(1_000).unwrap());
        profile.name = name.map(str::to_owned);
        profile.aesthetics.theme.dark = dark;
        profile.aesthetics.font.size = size;
        profile
    }

    #[test]
    fn only_what_was_meant_is_laid_over_a_later_state() {
        let edit = QueuedEdit::between(&profile(Some("Ada"), true, 14), &profile(None, true, 20)).unwrap();
        let stored: QueuedEdit = serde_json::from_str(&serde_json::to_string(&edit).unwrap()).unwrap();
        assert_eq!(stored, edit, "emptying a member survives the disk");
        let mut later = profile(Some("Augusta"), false, 14);
        stored.lay_over(&mut later);
        assert_eq!(later, profile(None, false, 20));
        assert_eq!(QueuedEdit::between(&later, &later), None);
    }

    #[test]
    fn a_cloud_merges_it_without_undoing_others() {
        let base = profile(Some("Ada"), true, 14);
        let edit = QueuedEdit::between(&base, &profile(Some("Ada"), true, 20)).unwrap();
        // Somebody else changed the name and the theme meanwhile.
        let present = profile(Some("Augusta"), false, 14);
        let sent = edit.to_update(&base);
        let merged = merge(&present, Base::Known(&Writable::from(&base)), &sent, false).unwrap().unwrap();
        assert_eq!(merged, profile(Some("Augusta"), false, 20));
        assert_eq!(merge(&merged, Base::Known(&Writable::from(&base)), &sent, false), Ok(None), "sent again");
    }
}
