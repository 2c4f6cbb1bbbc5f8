//! What a policy decides: each rule as a table, and the properties every decision has.

mod properties;
mod rules;

use serde_json::{Value, json};
use usher_domain::access::{Basis, decide};
use usher_wire::{Error, FlattenedEntity, HasFeatureAccessInput, HasFeatureAccessOutput};

const MODELS: &str = "ALLOWED_CLOUD_MODELS";
const SOURCES: &str = "DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES";
const WEBSITES: &str = "DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES";
const PROCESSING: &str = "EXTERNAL_PROVIDER_PROCESSING";
const WITHOUT_NODE: [&str; 3] = ["IP_LOOKUP", "SENTRY", "CUSTOM_ANALYTICS"];

/// Every feature that has a node, and where its node stands.
const NODES: [(&str, &str, &str); 16] = [
    ("CONNECT_TO_CLOUD", "externalCloud", "connectToCloud"),
    ("UPDATE_ALLOCATION_CLOUD", "externalCloud", "updateAllocationCloud"),
    ("RECONNECT_TO_CLOUD", "externalCloud", "reconnectToCloud"),
    ("SHARE_SNIPPET", "externalCloud", "shareSnippet"),
    ("CLOUD_BACKUP_CREATION", "externalCloud", "cloudBackupCreation"),
    ("LIST_CLOUD_BACKUPS", "externalCloud", "listCloudBackups"),
    ("LIST_SPECIFIC_CLOUD_BACKUP", "externalCloud", "listSpecificCloudBackup"),
    ("RESTORE_CLOUD_BACKUP", "externalCloud", "restoreCloudBackup"),
    ("DELETE_CLOUD_BACKUP", "externalCloud", "deleteCloudBackup"),
    ("BIG_QUERY", "analytics", "bigQuery"),
    ("SEGMENT", "analytics", "segment"),
    (
        "SEND_INTERNAL_SUMMARY_REPORTS_TO_USER_TEAM_SERVICE",
        "analytics",
        "sendInternalSummaryReportsToUserTeamService",
    ),
    (MODELS, "externalProvider", "allowedCloudModels"),
    (SOURCES, "externalProvider", "deniedWorkstreamPatternEngineSources"),
    (WEBSITES, "externalProvider", "deniedWorkstreamPatternEngineWebsites"),
    (PROCESSING, "externalProvider", "processing"),
];

fn is_deny_list(feature: &str) -> bool {
    feature == SOURCES || feature == WEBSITES
}

fn entity(id: &str, kind: &str, configuration: Value) -> FlattenedEntity {
    let time = json!({ "value": "2026-01-01T00:00:00Z" });
    let entity = json!({
        "id": id, "name": format!("Name of {id}"), "type": kind, "configuration": configuration,
        "created": time, "updated": time,
    });
    serde_json::from_value(entity).expect("an entity")
}

/// An organization that has the node of one feature and nothing else.
fn org(id: &str, feature: &str, node: Value) -> FlattenedEntity {
    let (_, branch, name) =
        NODES.iter().find(|(known, ..)| *known == feature).expect("a feature with a node");
    entity(id, "ORGANIZATION", json!({ *branch: { *name: node } }))
}

fn models(enabled: &str, allowed: &[&str]) -> Value {
    let list: Vec<_> = allowed.iter().map(|unique| json!({ "unique": unique })).collect();
    json!({ "enabled": enabled, "allowedModels": { "iterable": list } })
}

fn websites(enabled: &str, denied: &[&str]) -> Value {
    let list: Vec<_> = denied.iter().map(|url| json!({ "url": url })).collect();
    json!({ "enabled": enabled, "deniedWebsites": { "iterable": list } })
}

fn sources(enabled: &str, denied: Value) -> Value {
    json!({ "enabled": enabled, "deniedSources": { "iterable": denied } })
}

fn model(name: &str) -> Value {
    json!({ "allowedCloudModels": { "modelUniqueName": name } })
}

fn website(url: &str) -> Value {
    json!({ "deniedWorkstreamPatternEngineWebsite": { "website": url } })
}

fn source(application: &str, bundle: Option<&str>) -> Value {
    json!({ "deniedWorkstreamPatternEngineSource": { "application": application, "bundleIdentifier": bundle } })
}

fn processing(place: &str) -> Value {
    json!({ "processing": { "processing": place } })
}

fn question(feature: &str, context: Value) -> HasFeatureAccessInput {
    serde_json::from_value(json!({ "feature": feature, "context": context })).expect("a question")
}

/// The answer to a question asked with a context, or without one (`null`).
fn ask(entities: &[FlattenedEntity], feature: &str, context: Value) -> HasFeatureAccessOutput {
    decide(entities, &question(feature, context), Basis::default()).expect("a question that can be judged")
}

fn refused(feature: &str, context: Value) -> Error {
    decide(&[], &question(feature, context), Basis::default()).expect_err("a question that cannot be judged")
}

fn deciding(answer: &HasFeatureAccessOutput) -> Option<&str> {
    Some(&answer.decision.as_ref()?.entity.as_ref()?.id)
}
