//! Profiles as released clients wrote them, as the stored ones: what such a client sends back whole loses nothing, and an
//! edit changes what it says and nothing else.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use serde_json::{Value, json};
use usher_domain::{
    beta::Beta,
    profile::{Base, Writable, merge},
    store::{Store, User},
};
use usher_wire::{ProfileUpdate, Timestamp, UserProfile};

const RECORDED: [(&str, &str); 3] = [
    ("4.0.0", include_str!("../../wire/tests/fixtures/profile-4.0.0.json")),
    ("4.4.1", include_str!("../../wire/tests/fixtures/profile-4.4.1.json")),
    ("5.0.1", include_str!("../../wire/tests/fixtures/profile-5.0.1.json")),
];

/// Every writable member, by where it stands, with another value than in the recordings. The last one is the e-mail.
fn edits() -> [(&'static str, Value); 9] {
    [
        ("/name", json!("Countess of Lovelace")),
        ("/name", Value::Null),
        ("/username", json!("countess")),
        ("/username", Value::Null),
        ("/picture", json!("https://example.test/countess.png")),
        ("/picture", Value::Null),
        ("/aesthetics/theme/dark", json!(false)),
        ("/aesthetics/font/size", json!(20)),
        ("/email", json!("countess@example.test")),
    ]
}

fn wire(profile: &UserProfile) -> Value {
    serde_json::to_value(profile).unwrap()
}

/// A store in which the recording is somebody's present profile.
struct Kept {
    store: Store,
    recorded: UserProfile,
    _folder: tempfile::TempDir,
}

impl Kept {
    async fn new(text: &str) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(&folder.path().join("usher.db"), Box::new(|_| Ok(()))).unwrap();
        let recorded: UserProfile = serde_json::from_str(text).unwrap();
        let (profile, stamp) = (recorded.clone(), recorded.updated.as_ref().unwrap().value);
        store.write(move |tx| tx.insert_user(&profile, stamp)).await.unwrap();
        Self { store, recorded, _folder: folder }
    }

    async fn user(&self) -> User {
        let id = self.recorded.id.clone();
        self.store.read(move |tx| tx.user(&id)).await.unwrap().unwrap()
    }

    /// Merges the body into what is stored, based on the revision that its `updated` names, and stores the outcome.
    async fn update(&self, body: Value, is_local: bool) -> bool {
        let edit: ProfileUpdate = serde_json::from_value(body).unwrap();
        let id = self.recorded.id.clone();
        let work = move |tx: &usher_domain::store::Tx<'_>| {
            let user = tx.user(&id)?.unwrap();
            let named = edit.updated.as_ref().map(|updated| updated.value);
            let known = named.map(|stamp| tx.revision_at(&id, stamp)).transpose()?.flatten();
            assert_eq!(named.is_some(), known.is_some(), "the recorded stamp names the stored revision");
            let base = known.as_ref().map_or(Base::Unnamed, Base::Known);
            let merged = merge(&user.profile, base, &edit, is_local)?;
            let now = Timestamp::from_millis(1_800_000_000_000).unwrap();
            Ok(match merged {
                Some(merged) => tx.update_user(&user, merged, Beta::default(), now).map(|_| true)?,
                None => false,
            })
        };
        self.store.write(work).await.unwrap()
    }
}

/// The members of `stored` that a client knows whose own recording is `known`.
fn known_of(stored: &Value, known: &str) -> Value {
    let known: Value = serde_json::from_str(known).unwrap();
    let members = stored.as_object().unwrap().iter();
    members
        .filter(|(name, _)| known.get(name.as_str()).is_some())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[tokio::test]
async fn a_recording_sent_back_as_it_is_changes_nothing() {
    for (version, text) in RECORDED {
        let kept = Kept::new(text).await;
        let stored = kept.user().await;
        assert_eq!(wire(&stored.profile), wire(&kept.recorded), "{version}: stored whole");
        let body: Value = serde_json::from_str(text).unwrap();
        let mut unnamed = body.clone();
        unnamed.as_object_mut().unwrap().remove("updated");
        for is_local in [true, false] {
            for body in [&body, &unnamed, &wire(&stored.profile)] {
                assert!(!kept.update(body.clone(), is_local).await, "{version} {is_local}");
                assert_eq!(kept.user().await, stored, "{version} {is_local}");
            }
        }
        // Nor when the revision it is based on is not kept any more.
        let edit = serde_json::from_value(body).unwrap();
        assert_eq!(merge(&stored.profile, Base::Forgotten, &edit, true), Ok(None), "{version}");
    }
}

#[tokio::test]
async fn an_edit_of_one_member_changes_that_member_alone() {
    for (version, text) in RECORDED {
        for (member, value) in edits() {
            let kept = Kept::new(text).await;
            let mut body: Value = serde_json::from_str(text).unwrap();
            *body.pointer_mut(member).unwrap() = value.clone();
            changes_alone(&kept, body, member, &value, version).await;
        }
    }
}

/// A client sends back what it knows of a profile that a newer or older one made.
#[tokio::test]
async fn what_a_client_does_not_know_survives_its_edits() {
    for (made_by, text) in RECORDED {
        for (edited_by, known) in RECORDED {
            for (member, value) in edits() {
                let kept = Kept::new(text).await;
                let mut body = known_of(&wire(&kept.user().await.profile), known);
                *body.pointer_mut(member).unwrap() = value.clone();
                changes_alone(&kept, body, member, &value, &format!("{made_by} by {edited_by}")).await;
            }
        }
    }
}

/// Sends the body, and expects of everything stored only this member, and the stamp, to be another.
async fn changes_alone(kept: &Kept, body: Value, member: &str, value: &Value, what: &str) {
    let before = kept.user().await.profile;
    assert!(kept.update(body, true).await, "{what} {member}");
    let after = kept.user().await.profile;
    assert!(
        after.updated.as_ref().unwrap().value > before.updated.as_ref().unwrap().value,
        "{what} {member}"
    );
    let mut expected = wire(&before);
    expected["updated"] = wire(&after)["updated"].clone();
    *expected.pointer_mut(member).unwrap() = value.clone();
    let expected: UserProfile = serde_json::from_value(expected).unwrap();
    assert_eq!(wire(&after), wire(&expected), "{what} {member}");
    assert_ne!(Writable::from(&after), Writable::from(&before), "{what} {member}");
}

#[tokio::test]
async fn the_e_mail_of_an_account_with_a_provider_is_not_written() {
    for (version, text) in RECORDED {
        let kept = Kept::new(text).await;
        let stored = kept.user().await;
        let mut body: Value = serde_json::from_str(text).unwrap();
        for email in [json!("countess@example.test"), Value::Null] {
            body["email"] = email;
            assert!(!kept.update(body.clone(), false).await, "{version}");
            assert_eq!(kept.user().await, stored, "{version}");
        }
    }
}
