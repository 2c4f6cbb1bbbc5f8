//! Asking whether a feature may be used, and the answer.

use crate::{CapabilitiesEnum, EmbeddedModelSchema, EntityTypeEnum, HasFeatureAccessEnum, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// The question.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HasFeatureAccessInput {
    /// Feature asked about.
    pub feature: HasFeatureAccessEnum,
    /// The resource it would be used on.
    pub context: Option<HasFeatureAccessContext>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// The resource asked about; the member that fits the feature counts.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HasFeatureAccessContext {
    /// A cloud model.
    pub allowed_cloud_models: Option<HasFeatureAccessAllowedCloudModelsContext>,
    /// An application.
    pub denied_workstream_pattern_engine_source:
        Option<HasFeatureAccessDeniedWorkstreamPatternEngineSourceContext>,
    /// A website.
    pub denied_workstream_pattern_engine_website:
        Option<HasFeatureAccessDeniedWorkstreamPatternEngineWebsiteContext>,
    /// A place of processing.
    pub processing: Option<HasFeatureAccessProcessingContext>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A cloud model asked about.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HasFeatureAccessAllowedCloudModelsContext {
    /// Unique name of the model.
    pub model_unique_name: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// An application asked about.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HasFeatureAccessDeniedWorkstreamPatternEngineSourceContext {
    /// Name of the application.
    pub application: String,
    /// Bundle id of the application.
    pub bundle_identifier: Option<String>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A website asked about.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HasFeatureAccessDeniedWorkstreamPatternEngineWebsiteContext {
    /// Its URL.
    pub website: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A place of processing asked about.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HasFeatureAccessProcessingContext {
    /// Where the work would be done.
    pub processing: CapabilitiesEnum,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// The answer.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HasFeatureAccessOutput {
    /// Whether the resource asked about may be used.
    pub can_use: bool,
    /// Whether the feature is switched on.
    pub enabled: bool,
    /// Whether the user belongs to an organization.
    pub is_enterprise_user: bool,
    /// Why not, for people.
    pub reason: Option<String>,
    /// How the answer came about. Additive.
    pub decision: Option<Decision>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// How an answer came about.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Path of the rule, such as `externalProvider.allowedCloudModels.allowedModels`.
    pub rule: String,
    /// Whose rule it was.
    pub entity: Option<DecidingEntity>,
    /// What was compared with the rule.
    pub compared: Option<String>,
    /// When the rule was last known to hold.
    pub as_of: Option<Timestamp>,
    /// Whether the rule may be outdated.
    pub stale: Option<bool>,
}

/// The entity whose rule decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecidingEntity {
    /// Id of the entity.
    pub id: String,
    /// Name of the entity.
    pub name: String,
    /// Kind of the entity.
    pub r#type: EntityTypeEnum,
}

/// The question could not be understood (400).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HasFeatureAccessBadRequestError {
    /// Kind of failure.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// The context does not fit the feature (422).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HasFeatureAccessUnprocessableEntityError {
    /// Context the feature takes.
    pub expected_context_type: String,
    /// Feature asked about.
    pub feature: String,
    /// What is wrong, for people.
    pub message: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}
