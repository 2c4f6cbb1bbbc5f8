//! Profiles as released clients send them, and the rules all models share.

mod support;

use serde_json::{Value, json};
use support::assert_kept;
use usher_wire::*;

const OLD: &str = include_str!("fixtures/profile-4.0.0.json");
const MIDDLE: &str = include_str!("fixtures/profile-4.4.1.json");
const NEW: &str = include_str!("fixtures/profile-5.0.1.json");

#[test]
fn recorded_profiles_lose_nothing() {
    for text in [OLD, MIDDLE, NEW] {
        let before: Value = serde_json::from_str(text).unwrap();
        let profile: UserProfile = serde_json::from_str(text).unwrap();
        let after = serde_json::to_value(&profile).unwrap();
        assert_kept("profile", &before, &after);
        assert_eq!(serde_json::from_value::<UserProfile>(after).unwrap(), profile);
    }
}

#[test]
fn recorded_profiles_are_what_their_client_knows() {
    let [old, middle, new] =
        [OLD, MIDDLE, NEW].map(|text| serde_json::from_str::<UserProfile>(text).unwrap());
    assert!(
        old.descope.is_none()
            && old.api_keys.is_none()
            && old.entities.is_none()
            && old.subscriptions.is_none()
    );
    assert!(middle.descope.is_some() && middle.api_keys.is_some() && middle.subscriptions.is_some());
    assert!(middle.entities.is_none());
    let members = serde_json::to_value(&new).unwrap().as_object().unwrap().len();
    assert_eq!(members, 17, "the newest profile fills every member");

    // A value only the oldest version has reads as `UNKNOWN`; nothing else in the recordings does.
    assert!(OLD.contains(r#""type": "auth0""#) && OLD.contains("000+00:00"));
    assert_eq!(old.providers.unwrap().iterable[0].r#type, ExternalProviderTypeEnum::Unknown);
    assert_eq!(middle.providers.unwrap().iterable[0].r#type, ExternalProviderTypeEnum::Discord);
    assert_eq!(new.allocation.clone().unwrap().status.cloud, AllocationStatusEnum::Disconnected);
    assert!(!serde_json::to_string(&new).unwrap().contains("UNKNOWN"));
}

#[test]
fn unknown_enum_texts_fall_back() {
    let read = |text: &str| serde_json::from_value::<AllocationStatusEnum>(json!(text)).unwrap();
    assert_eq!(read("RUNNING"), AllocationStatusEnum::Running);
    for text in ["running", "", "PAUSED", "UNKNOWN"] {
        assert_eq!(read(text), AllocationStatusEnum::Unknown);
    }
    for value in [json!(1), json!(null), json!(true), json!({}), json!([])] {
        assert!(serde_json::from_value::<AllocationStatusEnum>(value).is_err());
    }
}

#[test]
fn enum_texts_are_exact() {
    assert_eq!(serde_json::to_value(SubscriptionTermEnum::Quarter).unwrap(), json!("quarter"));
    assert_eq!(ExternalProviderTypeEnum::GoogleOauth2.as_str(), "google-oauth2");
    assert_eq!(ModelFoundationEnum::from_text("COMMAND_R+"), ModelFoundationEnum::CommandRPlus);
    assert_eq!(ModelFoundationEnum::Mixtral8X7b.to_string(), "MIXTRAL_8_x_7B");
    for value in ModelFoundationEnum::ALL {
        assert_eq!(ModelFoundationEnum::from_text(value.as_str()), *value);
    }
}

#[test]
fn open_enums_allow_any_text_in_the_schema() {
    let schema = serde_json::to_value(<EntityTypeEnum as utoipa::PartialSchema>::schema()).unwrap();
    assert_eq!(
        schema,
        json!({"anyOf": [{"type": "string", "enum": ["UNKNOWN", "ORGANIZATION", "TEAM"]}, {"type": "string"}]})
    );
}

fn smallest() -> Value {
    json!({"id": "u", "aesthetics": {"theme": {"dark": true}, "font": {"size": 14}}})
}

#[test]
fn unknown_and_null_members_make_no_difference() {
    let plain: UserProfile = serde_json::from_value(smallest()).unwrap();
    let mut noisy = smallest();
    noisy["newer"] = json!({"a": [1]});
    noisy["aesthetics"]["theme"]["contrast"] = json!(2);
    for name in ["email", "name", "created", "allocation", "providers", "apiKeys", "entities", "schema"] {
        noisy[name] = Value::Null;
    }
    assert_eq!(serde_json::from_value::<UserProfile>(noisy).unwrap(), plain);
    assert_eq!(serde_json::to_value(&plain).unwrap(), smallest(), "absent members are not written");
    for signed_out in [json!({}), json!({"user": null})] {
        assert_eq!(
            serde_json::from_value::<ReturnedUserProfile>(signed_out).unwrap(),
            ReturnedUserProfile::default()
        );
    }
    for nobody in [json!({}), json!({"iterable": null}), json!({"iterable": []})] {
        assert_eq!(serde_json::from_value::<Users>(nobody).unwrap(), Users::default());
    }
    assert_eq!(serde_json::to_value(Users::default()).unwrap(), json!({"iterable": []}));
}

#[test]
fn types_are_strict() {
    for (pointer, wrong) in [
        ("/id", json!(1)),
        ("/id", json!(null)),
        ("/aesthetics/font/size", json!(14.0)),
        ("/aesthetics/font/size", json!("14")),
        ("/aesthetics/theme/dark", json!(1)),
    ] {
        let mut profile = smallest();
        *profile.pointer_mut(pointer).unwrap() = wrong.clone();
        assert!(serde_json::from_value::<UserProfile>(profile).is_err(), "{pointer} = {wrong}");
    }
}

#[test]
fn casing_follows_the_wire() {
    let metadata: Auth0UserMetadata =
        serde_json::from_value(json!({"global_id": "g", "open_AI": {"api_key": "k"}})).unwrap();
    assert_eq!(metadata.open_ai.unwrap().api_key.unwrap().expose(), "k");
    let identity = Auth0Identity { is_social: Some(true), user_id: Some("1".into()), ..Default::default() };
    assert_eq!(serde_json::to_value(identity).unwrap(), json!({"user_id": "1", "isSocial": true}));
    let source = InstanceConfigurationDeniedWorkstreamPatternEngineSource {
        bundle_identifiers: Some(vec!["org.example".into()]),
        ..Default::default()
    };
    assert_eq!(serde_json::to_value(source).unwrap(), json!({"bundle_identifiers": ["org.example"]}));
}

#[test]
fn token_limits_keep_null_and_whole_numbers() {
    let limits: ModelMaxTokens = serde_json::from_value(json!({"input": 4096})).unwrap();
    assert_eq!(serde_json::to_string(&limits).unwrap(), r#"{"input":4096,"total":null}"#);
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let token = Secret::from("hunter2");
    assert_eq!(format!("{token:?}"), "[redacted]");
    assert_eq!(serde_json::to_value(&token).unwrap(), json!("hunter2"));
    let profile: UserProfile = serde_json::from_str(NEW).unwrap();
    let shown = format!("{profile:?}");
    for secret in ["token-1", "key-1", "key-2", "key-3"] {
        assert!(NEW.contains(secret) && !shown.contains(secret), "{secret}");
    }
}

#[test]
fn an_entity_flattens() {
    let entity: Entity = serde_json::from_value(json!({
        "id": "e", "name": "Org", "type": "ORGANIZATION", "configuration": {}, "domains": ["example.test"],
        "created": {"value": 0}, "updated": {"value": 0}, "org_identifier": "o", "users": {"iterable": [{"id": "u"}]},
    }))
    .unwrap();
    let flat = serde_json::to_value(FlattenedEntity::from(&entity)).unwrap();
    let mut expected = serde_json::to_value(&entity).unwrap();
    expected.as_object_mut().unwrap().remove("domains");
    assert_eq!(flat, expected);
}
