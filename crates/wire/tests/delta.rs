//! What changed makes the new state of the old one, whatever the two are.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use usher_wire::{UserFrame, UserProfile};

/// Values for each optional member; absent is one more.
fn choices() -> Vec<(&'static str, Vec<Value>)> {
    let texts = || ["Ada", "Grace", "", "null", "\u{1f980}\"\\"].map(Value::from).to_vec();
    let moments = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z"];
    let moments = || moments.map(|moment| json!({ "value": moment })).to_vec();
    let entity = |id: &str| json!({ "id": id });
    let provider = |kind: &str| json!({ "type": kind, "user_id": "1", "created": moments()[0], "updated": moments()[1] });
    vec![
        ("email", texts()),
        ("name", texts()),
        ("username", texts()),
        ("picture", texts()),
        ("vanityname", texts()),
        ("created", moments()),
        ("updated", moments()),
        ("apiKeys", vec![json!([]), json!(["k-1"]), json!(["k-1", "k-2"])]),
        (
            "providers",
            vec![json!({ "iterable": [] }), json!({ "iterable": [provider("github"), provider("gitlab")] })],
        ),
        (
            "entities",
            vec![
                json!({ "iterable": [entity("a")] }),
                json!({ "iterable": [entity("b"), entity("a")], "indices": { "a": 1 } }),
            ],
        ),
        ("auth0", vec![json!({ "global_id": "x" }), json!({ "global_id": "y", "vanityname": "ada" })]),
        (
            "descope",
            vec![
                json!({ "global_id": "x", "descope_id": "1" }),
                json!({ "global_id": "x", "descope_id": "2" }),
            ],
        ),
        ("subscriptions", vec![json!({ "iterable": [] })]),
        ("schema", vec![json!({ "migration": 0, "semantic": "MAJOR_0_MINOR_0_PATCH_1" })]),
    ]
}

fn profile() -> impl Strategy<Value = UserProfile> {
    let optional: Vec<_> = choices()
        .into_iter()
        .map(|(name, values)| prop::option::of(select(values)).prop_map(move |value| (name, value)))
        .collect();
    (select(vec!["ada", "grace"]), any::<bool>(), 6..9_i64, optional).prop_map(|(id, dark, size, members)| {
        let mut profile =
            json!({ "id": id, "aesthetics": { "theme": { "dark": dark }, "font": { "size": size } } });
        for (name, value) in members {
            if let Some(value) = value {
                profile[name] = value;
            }
        }
        serde_json::from_value(profile).unwrap()
    })
}

/// A frame as it comes out at the other end.
fn sent(frame: &UserFrame) -> UserFrame {
    serde_json::from_str(&serde_json::to_string(frame).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reader_who_is_told_what_changed_has_the_new_state(
        states in prop::collection::vec(prop::option::of(profile()), 2..6)
    ) {
        let mut known: Option<(String, Option<UserProfile>)> = None;
        let mut before: Option<(String, Option<UserProfile>)> = None;
        for (nth, state) in states.iter().enumerate() {
            let base = before.as_ref().and_then(|(version, user)| Some((version.clone(), user.as_ref()?)));
            let frame = UserFrame::new(nth.to_string(), base, state.as_ref());
            let held = known.as_ref().map(|(version, user)| (version.as_str(), user.as_ref()));
            known = sent(&frame).apply(held);
            prop_assert_eq!(known.as_ref(), Some(&(nth.to_string(), state.clone())));
            before = known.clone();
        }
    }

    #[test]
    fn only_what_differs_is_told(before in profile(), after in profile()) {
        let after = UserProfile { id: before.id.clone(), ..after };
        let frame = UserFrame::new("2".into(), Some(("1".into(), &before)), Some(&after));
        let (one, two) = (serde_json::to_value(&before).unwrap(), serde_json::to_value(&after).unwrap());
        for (name, value) in &frame.changed {
            prop_assert_eq!((two.get(name), one.get(name) == Some(value)), (Some(value), false));
        }
        for name in &frame.removed {
            prop_assert_eq!((one.get(name).is_some(), two.get(name)), (true, None));
        }
        prop_assert!(frame.user.is_keep());
    }
}

#[test]
fn frames_are_small_and_say_what_they_are() {
    let ada: UserProfile = serde_json::from_value(
        json!({ "id": "ada", "name": "Ada", "email": "a@example.org", "aesthetics": { "theme": { "dark": true }, "font": { "size": 14 } } }),
    )
    .unwrap();
    let wire = |frame: UserFrame| serde_json::to_value(frame).unwrap();
    let renamed = UserProfile { name: Some("Countess".into()), email: None, ..ada.clone() };
    assert_eq!(
        wire(UserFrame::new("2".into(), Some(("1".into(), &ada)), Some(&renamed))),
        json!({ "version": "2", "base": "1", "changed": { "name": "Countess" }, "removed": ["email"] })
    );
    assert_eq!(wire(UserFrame::unchanged("2".into())), json!({ "version": "2" }));
    let whole = wire(UserFrame::new("1".into(), None, Some(&ada)));
    assert_eq!((&whole["version"], &whole["user"]), (&json!("1"), &serde_json::to_value(&ada).unwrap()));
    let signed_out = wire(UserFrame::new("3".into(), Some(("2".into(), &ada)), None));
    assert_eq!(signed_out, json!({ "version": "3", "user": null }));
    let other = UserProfile { id: "grace".into(), ..ada.clone() };
    assert_eq!(
        wire(UserFrame::new("4".into(), Some(("3".into(), &ada)), Some(&other)))["user"]["id"],
        "grace"
    );
}

#[test]
fn a_frame_about_another_state_is_none() {
    let frame = |json: Value| serde_json::from_value::<UserFrame>(json).unwrap();
    let ada: UserProfile = serde_json::from_value(
        json!({ "id": "ada", "aesthetics": { "theme": { "dark": true }, "font": { "size": 14 } } }),
    )
    .unwrap();
    let delta = || frame(json!({ "version": "2", "base": "1", "changed": { "name": "Ada" } }));
    let after = delta().apply(Some(("1", Some(&ada)))).unwrap();
    assert_eq!((after.0.as_str(), after.1.unwrap().name.as_deref()), ("2", Some("Ada")));
    for known in [None, Some(("0", Some(&ada))), Some(("2", Some(&ada))), Some(("1", None))] {
        assert!(delta().apply(known).is_none());
    }
    let broken = frame(json!({ "version": "2", "base": "1", "removed": ["id"] }));
    assert!(broken.apply(Some(("1", Some(&ada)))).is_none(), "what comes of it is no profile");
    let unchanged = || frame(json!({ "version": "2" }));
    assert_eq!(unchanged().apply(Some(("2", Some(&ada)))), Some(("2".into(), Some(ada.clone()))));
    assert!(unchanged().apply(Some(("1", Some(&ada)))).is_none() && unchanged().apply(None).is_none());
}
