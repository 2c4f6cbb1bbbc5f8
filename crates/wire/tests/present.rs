//! The encoded present state: what each client version is shown, and what nobody is.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use usher_wire::{Present, UserProfile, Version};

fn user(types: &[&str]) -> UserProfile {
    let providers: Vec<_> = types
        .iter()
        .map(|kind| {
            serde_json::json!({"type": kind, "user_id": "1", "access_token": "planted-secret",
                "created": {"value": "2026-01-01T00:00:00Z"}, "updated": {"value": "2026-01-01T00:00:00Z"}})
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "id": "u", "aesthetics": {"theme": {"dark": true}, "font": {"size": 14}}, "providers": {"iterable": providers}
    }))
    .unwrap()
}

fn types(profile: &[u8]) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_slice(profile).unwrap();
    let profile = json.get("user").unwrap_or(&json);
    let providers = profile["providers"]["iterable"].as_array().unwrap();
    providers.iter().map(|provider| provider["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn young_provider_types_are_kept_from_streams_and_old_clients() {
    let present = Present::new(Version::default(), Some(user(&["github", "gitlab", "google-oauth2"])));
    assert_eq!(types(&present.envelope), ["github", "gitlab", "google-oauth2"]);
    assert_eq!(types(&present.whole_frame()), ["github", "gitlab", "google-oauth2"]);
    assert_eq!(types(&present.safe_envelope), ["github", "google-oauth2"]);
    assert_eq!(types(&present.frame), ["github", "google-oauth2"]);
}

#[test]
fn provider_tokens_never_leave_with_the_profile() {
    let present = Present::new(Version::default(), Some(user(&["github", "gitlab"])));
    for bytes in [&present.envelope, &present.safe_envelope, &present.frame, &present.whole_frame()] {
        assert!(!String::from_utf8_lossy(bytes).contains("planted-secret"));
    }
}

#[test]
fn signed_out_is_an_empty_object_and_an_empty_frame() {
    let present = Present::new(Version { generation: 3, revision: 1 }, None);
    assert_eq!(present.envelope, "{}");
    assert!(present.frame.is_empty() && present.whole_frame().is_empty());
    assert_eq!(present.etag, "\"3-1\"");
}

#[test]
fn versions_are_read_as_they_are_written() {
    let version = Version { generation: 12, revision: 34 };
    for text in ["\"12-34\"", "W/\"12-34\"", "12-34"] {
        assert_eq!(text.parse(), Ok(version));
    }
    for text in ["", "12", "12-", "-1", "a-b", "\"99999999999999999999-1\""] {
        assert_eq!(text.parse::<Version>(), Err(()), "{text}");
    }
}
