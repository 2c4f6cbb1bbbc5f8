//! Every model: random documents made from its own OpenAPI schema are read, written and read again.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt::Debug, sync::LazyLock};
use support::assert_kept;
use usher_wire::*;
use utoipa::{PartialSchema, ToSchema};

/// One model: its name, its schema, the named schemas it needs, and reading and writing it.
struct Model {
    name: String,
    schema: Value,
    needs: Vec<(String, Value)>,
    cycle: fn(&Value) -> Value,
}

fn model<T: ToSchema + PartialSchema + Serialize + DeserializeOwned + PartialEq + Debug>() -> Model {
    fn cycle<T: Serialize + DeserializeOwned + PartialEq + Debug>(document: &Value) -> Value {
        let text = document.to_string();
        let first: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
        let written = serde_json::to_string(&first).unwrap();
        let second: T = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
        assert_eq!(first, second);
        serde_json::from_str(&written).unwrap()
    }
    let mut needs = Vec::new();
    T::schemas(&mut needs);
    let value = |schema| serde_json::to_value(schema).unwrap();
    Model {
        name: T::name().into_owned(),
        schema: value(T::schema()),
        needs: needs.into_iter().map(|(name, schema)| (name, value(schema))).collect(),
        cycle: cycle::<T>,
    }
}

macro_rules! models {
    ($($model:ident),+ $(,)?) => {
        [$(model::<usher_wire::$model>()),+]
    };
}

static MODELS: LazyLock<BTreeMap<String, Model>> = LazyLock::new(|| {
    #[rustfmt::skip]
    let models = models![
        // user, allocation, providers
        UserProfile, ReturnedUserProfile, Users, Aesthetics, Theme, Font, EmbeddedModelSchema, FlattenedUsers,
        ReferencedUser, FlattenedUserProfile, AllocationCloud, AllocationCloudStatus, AllocationCloudUrls,
        AllocationCloudUrl, Allocations, ExternalProviders, ExternalProvider, ExternalProviderProfileData,
        // account, pkce
        UserSession, UserSessions, UserIdentity, UserRevision, UserExport, DeletionStateEnum, Deletion, PKCE,
        ChallengedPKCE, SeededPKCE, AdditionalParameters, PKCERedirect, ResultedPKCE, TokenizedPKCE, PKCEGrant, OAuthGroup,
        PKCERedirects,
        ConnectivityEnum, OfflineReasonEnum, CloudStatus,
        // auth0, beta, checked_in
        Auth0UserMetadata, DescopeUserMetadata, Auth0UserAllocationMetadata, Auth0OpenAIUserMetadata, Auth0User,
        Auth0Identity, OAuthToken, UserBetaStatus, Auth0UserBetaStatus, AnonymousTemporalRange,
        UserLastCheckedInStreamOutput, RefreshedPaddleUser, EntityAssociateToUserInput, UserCheckoutInput,
        UserManageSubscriptionsInput, UserCheckoutOutput, UserManageSubscriptionsOutput,
        // feature
        HasFeatureAccessInput, HasFeatureAccessContext, HasFeatureAccessAllowedCloudModelsContext,
        HasFeatureAccessDeniedWorkstreamPatternEngineSourceContext,
        HasFeatureAccessDeniedWorkstreamPatternEngineWebsiteContext, HasFeatureAccessProcessingContext,
        HasFeatureAccessOutput, Decision, DecidingEntity, HasFeatureAccessBadRequestError,
        HasFeatureAccessUnprocessableEntityError,
        // entities, subscriptions
        FlattenedEntities, ReferencedEntity, FlattenedEntity, Entities, Entity, SeededEntity, Score, FlattenedSubscriptions,
        ReferencedSubscription, FlattenedSubscription, Subscriptions, Subscription,
        // configuration
        InstanceConfiguration, InstanceConfigurationExternalCloud, InstanceConfigurationAnalytics,
        InstanceConfigurationExternalProvider, AllowedCloudModelsInstanceConfiguration,
        InstanceConfigurationAllowedModels, InstanceConfigurationAllowedModel,
        InstanceConfigurationAllowedCloudModelsDefaultModels, DeniedWorkstreamPatternEngineSourcesInstanceConfiguration,
        InstanceConfigurationDeniedWorkstreamPatternEngineSources,
        InstanceConfigurationDeniedWorkstreamPatternEngineSource,
        DeniedWorkstreamPatternEngineWebsitesInstanceConfiguration,
        InstanceConfigurationDeniedWorkstreamPatternEngineWebsites,
        InstanceConfigurationDeniedWorkstreamPatternEngineWebsite, ProcessingInstanceConfiguration, ModelMaxTokens,
        BigQueryInstanceConfiguration, CloudBackupCreationInstanceConfiguration,
        ConnectToCloudInstanceConfiguration, DeleteCloudBackupInstanceConfiguration,
        ListCloudBackupsInstanceConfiguration, ListSpecificCloudBackupInstanceConfiguration,
        ReconnectToCloudInstanceConfiguration, RestoreCloudBackupInstanceConfiguration,
        SegmentInstanceConfiguration, SendInternalSummaryReportsToUserTeamServiceInstanceConfiguration,
        ShareSnippetInstanceConfiguration, UpdateAllocationCloudInstanceConfiguration,
        // connect
        SeededConnectorConnection, SeededTrackedApplication, SeededAssetEnrichment, Application, Applications,
        Context, Health, OSHealth, Models, Model, ModelCapabilities, ByteDescriptor,
        // enumerations and texts
        AllocationStatusEnum, CapabilitiesEnum, EmbeddedModelSchemaSemanticVersionEnum, EntityTypeEnum,
        ExternalProviderTypeEnum, HasFeatureAccessEnum, InstanceConfigurationEnabledEnum, SubscriptionTermEnum,
        PlatformEnum, PrivacyEnum, MechanismEnum, ExternalMLProviderEnum, ModelFoundationEnum, ModelTypeEnum,
        ModelUsageEnum, OriginVerdictEnum, AuditActionEnum, Secret, Timestamp, GroupedTimestamp,
        // additive
        ProfileUpdate, Status, GuardStatus, PolicyFile, Origin, Origins, OriginDecision, Audit, AuditEntry, Problem, Code,
        Issuer, SessionStatus, SignIn, SignInRequest, SignInRedirect,
        SignInFailure, SignInMethodEnum, SignInStateEnum, SignInFailureEnum,
    ];
    models.into_iter().map(|model| (model.name.clone(), model)).collect()
});

/// A source of choices that ends: from then on every choice is the smallest one.
struct Choices<'a>(std::slice::Iter<'a, u32>);

impl Choices<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.0.next().map_or(0, |choice| *choice as usize % limit)
    }
}

fn text(choices: &mut Choices<'_>) -> Value {
    const TEXTS: [&str; 8] =
        ["", "a", "Ada Lovelace", "UNKNOWN", "\u{1f600} \"quoted\\\"\n", "é\0", "2025-01-02", "-1"];
    TEXTS[choices.below(TEXTS.len())].into()
}

fn timestamp(choices: &mut Choices<'_>) -> Value {
    match choices.below(6) {
        0 => json!("1970-01-01T00:00:00.000Z"),
        1 => json!(format!("2025-01-02T03:04:05.{:09}+02:00", choices.below(1_000_000_000))),
        2 => json!(format!("20{:02}-12-31", choices.below(100))),
        3 => json!(choices.below(2_000_000_000)),
        4 => json!(choices.below(2_000_000_000).to_string()),
        _ => json!(format!("1969-12-31 23:59:{:02}.9999", choices.below(60))),
    }
}

/// A document that fits the schema.
fn document(schema: &Value, choices: &mut Choices<'_>) -> Value {
    if let Some(reference) = schema.get("$ref") {
        let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
        return document(&MODELS[name].schema, choices);
    }
    if let Some(items) = schema.get("oneOf").or(schema.get("anyOf")).and_then(Value::as_array) {
        return document(&items[choices.below(items.len())], choices);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values[choices.below(values.len())].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => &kinds[choices.below(kinds.len())],
        kind => kind,
    };
    match kind.as_str().unwrap_or_else(|| panic!("no type in {schema}")) {
        "null" => Value::Null,
        "boolean" => (choices.below(2) == 1).into(),
        "integer" if schema["format"] == "int32" => choices.below(1_000).into(),
        "integer" => [0, 1, -1, i64::from(u32::MAX), i64::MAX, i64::MIN][choices.below(6)].into(),
        // A bounded number is an instant.
        "number" if schema["minimum"].is_number() => choices.below(2_000_000_000).into(),
        // The last one changes with each reading that is not exact.
        "number" => {
            [json!(0), json!(0.5), json!(-4096), json!(7.994251739200047e52)][choices.below(4)].clone()
        }
        "string" if schema["format"] == "date-time" => timestamp(choices),
        "string" => text(choices),
        "array" => (0..choices.below(3)).map(|_| document(&schema["items"], choices)).collect(),
        "object" => object(schema, choices),
        other => panic!("unexpected type {other}"),
    }
}

fn object(schema: &Value, choices: &mut Choices<'_>) -> Value {
    let mut members = Map::new();
    let required =
        |name: &String| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if required(name) || choices.below(3) > 0 {
            members.insert(name.clone(), document(schema, choices));
        }
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        members
            .extend((0..choices.below(3)).map(|index| (format!("key {index}"), document(values, choices))));
    }
    if schema.get("properties").is_some() && choices.below(4) == 3 {
        members.insert("x-newer".into(), json!({"deep": [null]}));
    }
    Value::Object(members)
}

#[test]
fn the_list_names_every_schema() {
    let mut missing: Vec<&str> = MODELS
        .values()
        .flat_map(|model| &model.needs)
        .map(|(name, _)| name.as_str())
        .filter(|name| !MODELS.contains_key(*name))
        .collect();
    let mut declared = Vec::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut derived = false;
        for line in source.lines().map(str::trim) {
            derived |=
                line.starts_with("wire_enum!") || line.starts_with("#[derive") && line.contains("ToSchema");
            if let Some(rest) = line.strip_prefix("pub struct ").or(line.strip_prefix("pub enum ")) {
                let name = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                if std::mem::take(&mut derived) && !name.is_empty() {
                    declared.push(name.to_owned());
                }
            }
        }
    }
    assert!(declared.len() > 90, "{declared:?}");
    missing.extend(declared.iter().map(String::as_str).filter(|name| !MODELS.contains_key(*name)));
    assert!(missing.is_empty(), "not in the list: {missing:?}");
}

#[test]
fn every_reference_is_answered() {
    fn references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
        match schema {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    // What a document needs that mentions whole profiles only.
    let profile = &MODELS["UserProfile"];
    let mut found = Vec::new();
    references(&profile.schema, &mut found);
    profile.needs.iter().for_each(|(_, schema)| references(schema, &mut found));
    for reference in found {
        let name = reference.rsplit('/').next().unwrap();
        assert!(profile.needs.iter().any(|(need, _)| need == name), "{reference} dangles");
    }
}

#[test]
fn the_smallest_and_the_fullest_documents_are_read() {
    for model in MODELS.values() {
        for choices in [vec![], vec![1; 4_000], vec![2; 4_000], (0..4_000).collect()] {
            let before = document(&model.schema, &mut Choices(choices.iter()));
            assert_kept(&model.name, &before, &(model.cycle)(&before));
        }
    }
}

#[test]
fn deep_documents_do_not_exhaust_the_stack() {
    let mut entities = json!({"iterable": []});
    let (mut deepest, mut refused) = (0, false);
    for depth in 0..32 {
        entities = json!({"iterable": [{"id": "u", "reference": {"id": "u", "entities": {"iterable": [{"id": "e",
            "reference": {"id": "e", "name": "e", "type": "TEAM", "configuration": {}, "created": {"value": 0},
                "updated": {"value": 0}, "users": entities}}]}}}]});
        match serde_json::from_str::<FlattenedUsers>(&entities.to_string()) {
            Ok(_) => deepest = depth,
            Err(error) => refused = error.to_string().contains("recursion limit"),
        }
    }
    assert!(deepest > 8 && refused);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_model_keeps_its_members(choices in prop::collection::vec(any::<u32>(), 0..600)) {
        for model in MODELS.values() {
            let before = document(&model.schema, &mut Choices(choices.iter()));
            assert_kept(&model.name, &before, &(model.cycle)(&before));
        }
    }
}
