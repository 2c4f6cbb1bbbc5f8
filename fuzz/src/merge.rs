//! Edits of one profile by clients that read it at different times: what a client left out or sends back as it read it
//! stays as it is, and what it means is what comes to be.

use serde::Deserialize;
use usher_domain::profile::{
    Base, CLIENT_DEFAULT_EMAIL, CLIENT_DEFAULT_PICTURE, Writable, merge as merged, new_profile, next_stamp,
};
use usher_wire::{Code, Edit, ProfileUpdate, Timestamp, UserProfile};

/// 2026-01-01.
const BEGIN: i64 = 1_767_225_600_000;
const CLIENTS: usize = 4;

/// One client sends an edit.
#[derive(Deserialize)]
#[serde(default)]
struct Step {
    client: usize,
    /// It reads the profile first.
    reads: bool,
    /// It names the state it read; otherwise what `updated` of the edit names counts, if anything.
    names: bool,
    /// The e-mail is not the client's to write.
    from_issuer: bool,
    /// Milliseconds by which the clock is off.
    clock: i8,
    edit: ProfileUpdate,
}

impl Default for Step {
    fn default() -> Self {
        Self { client: 0, reads: false, names: true, from_issuer: false, clock: 0, edit: Default::default() }
    }
}

/// Reads the bytes as steps and takes them, one after the other.
pub fn merge(data: &[u8]) {
    let Ok(steps) = serde_json::from_slice::<Vec<Step>>(data) else { return };
    let mut revisions = vec![new_profile("ada".to_owned(), millis(BEGIN))];
    let mut read = [0; CLIENTS];
    for step in &steps {
        let last = revisions.len() - 1;
        let read = &mut read[step.client % CLIENTS];
        if step.reads {
            *read = last;
        }
        let named = step.edit.updated.as_ref().map(|updated| updated.value);
        let found = revisions.iter().find(|revision| Some(stamp(revision)) == named).map(Writable::from);
        let known = if step.names { Some(Writable::from(&revisions[*read])) } else { found };
        let base = match (&known, named) {
            (Some(known), _) => Base::Known(known),
            (None, Some(_)) => Base::Forgotten,
            (None, None) => Base::Unnamed,
        };
        if let Some(mut next) = take(&revisions[last], base, step) {
            let stamped = next_stamp(stamp(&revisions[last]), millis(BEGIN + i64::from(step.clock)));
            assert!(stamped > stamp(&revisions[last]), "a stamp names one revision");
            next.updated = Some(stamped.into());
            revisions.push(next);
        }
    }
}

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("within the years that a stamp can have")
}

fn stamp(profile: &UserProfile) -> Timestamp {
    profile.updated.as_ref().expect("a profile has its stamp").value
}

/// Merges one edit and checks what came of it; `None` when nothing changed.
fn take(present: &UserProfile, base: Base<'_>, step: &Step) -> Option<UserProfile> {
    let is_forgotten = matches!(base, Base::Forgotten);
    let next = match merged(present, base, &step.edit, !step.from_issuer) {
        Ok(next) => next,
        Err(error) => {
            let is_known = error.code == Code::InvalidValue || (error.code == Code::Conflict && is_forgotten);
            assert!(is_known, "{error:?}");
            return None;
        }
    };
    assert!(!is_forgotten || next.is_none(), "an edit of a forgotten state changed something");
    let after = next.as_ref().unwrap_or(present);
    check_members(&Writable::from(present), &Writable::from(after), base, step);
    let mut rest = after.clone();
    rest.name.clone_from(&present.name);
    rest.username.clone_from(&present.username);
    rest.picture.clone_from(&present.picture);
    rest.email.clone_from(&present.email);
    rest.aesthetics.theme.dark = present.aesthetics.theme.dark;
    rest.aesthetics.font.size = present.aesthetics.font.size;
    assert_eq!(&rest, present, "a member was written that is not the caller's");
    assert_eq!(merged(after, base, &step.edit, !step.from_issuer), Ok(None), "the same edit changed again");
    next
}

fn check_members(before: &Writable, after: &Writable, base: Base<'_>, step: &Step) {
    let base = if let Base::Known(base) = base { Some(base) } else { None };
    let edit = &step.edit;
    let text = |sent: &Edit<String>, of: fn(&Writable) -> &Option<String>, never_meant: &[&str]| {
        let value = match sent {
            Edit::Keep => return assert_eq!(of(after), of(before), "it was absent"),
            Edit::Set(value) if never_meant.contains(&value.as_str()) => {
                return assert_eq!(of(after), of(before), "it is a client's default");
            }
            Edit::Set(value) => Some(value),
            Edit::Clear => None,
        };
        let is_meant = base.is_none_or(|base| of(base).as_ref() != value);
        assert_eq!(of(after).as_ref(), if is_meant { value } else { of(before).as_ref() });
    };
    text(&edit.name, |of| &of.name, &[]);
    text(&edit.username, |of| &of.username, &[]);
    text(&edit.picture, |of| &of.picture, &[CLIENT_DEFAULT_PICTURE]);
    let email = if step.from_issuer { &Edit::Keep } else { &edit.email };
    text(email, |of| &of.email, &[CLIENT_DEFAULT_EMAIL]);
    let sent = edit.aesthetics.as_ref();
    let dark = sent.map(|sent| sent.theme.dark).filter(|dark| base.is_none_or(|base| base.dark != *dark));
    assert_eq!(after.dark, dark.unwrap_or(before.dark));
    let size = sent.map(|sent| sent.font.size).filter(|size| base.is_none_or(|base| base.font_size != *size));
    assert_eq!(after.font_size, size.unwrap_or(before.font_size));
}
