//! Rules an organization sets for its members.

use crate::{
    CapabilitiesEnum, EmbeddedModelSchema, ExternalMLProviderEnum, InstanceConfigurationEnabledEnum,
    ModelFoundationEnum, ModelTypeEnum,
};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// All rules of an entity; an absent branch sets none.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceConfiguration {
    /// Rules for analytics.
    pub analytics: Option<InstanceConfigurationAnalytics>,
    /// Rules for the personal cloud.
    pub external_cloud: Option<InstanceConfigurationExternalCloud>,
    /// Rules for models, capture and processing.
    pub external_provider: Option<InstanceConfigurationExternalProvider>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Rules for the personal cloud.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceConfigurationExternalCloud {
    /// Making backups.
    pub cloud_backup_creation: Option<CloudBackupCreationInstanceConfiguration>,
    /// Connecting.
    pub connect_to_cloud: Option<ConnectToCloudInstanceConfiguration>,
    /// Deleting a backup.
    pub delete_cloud_backup: Option<DeleteCloudBackupInstanceConfiguration>,
    /// Listing backups.
    pub list_cloud_backups: Option<ListCloudBackupsInstanceConfiguration>,
    /// Showing one backup.
    pub list_specific_cloud_backup: Option<ListSpecificCloudBackupInstanceConfiguration>,
    /// Connecting again.
    pub reconnect_to_cloud: Option<ReconnectToCloudInstanceConfiguration>,
    /// Restoring a backup.
    pub restore_cloud_backup: Option<RestoreCloudBackupInstanceConfiguration>,
    /// Sharing a snippet.
    pub share_snippet: Option<ShareSnippetInstanceConfiguration>,
    /// Updating the cloud.
    pub update_allocation_cloud: Option<UpdateAllocationCloudInstanceConfiguration>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Rules for analytics.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceConfigurationAnalytics {
    /// Events to BigQuery.
    pub big_query: Option<BigQueryInstanceConfiguration>,
    /// Events to Segment.
    pub segment: Option<SegmentInstanceConfiguration>,
    /// Summary reports to the team service.
    pub send_internal_summary_reports_to_user_team_service:
        Option<SendInternalSummaryReportsToUserTeamServiceInstanceConfiguration>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Rules for models, capture and processing.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceConfigurationExternalProvider {
    /// Cloud models that may be used.
    pub allowed_cloud_models: Option<AllowedCloudModelsInstanceConfiguration>,
    /// Applications never captured.
    pub denied_workstream_pattern_engine_sources:
        Option<DeniedWorkstreamPatternEngineSourcesInstanceConfiguration>,
    /// Websites never captured.
    pub denied_workstream_pattern_engine_websites:
        Option<DeniedWorkstreamPatternEngineWebsitesInstanceConfiguration>,
    /// Where work may be done.
    pub processing: Option<ProcessingInstanceConfiguration>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Cloud models that may be used.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedCloudModelsInstanceConfiguration {
    /// State of the rule.
    pub enabled: InstanceConfigurationEnabledEnum,
    /// The models.
    pub allowed_models: Option<InstanceConfigurationAllowedModels>,
    /// Models to prefer.
    pub default_models: Option<Box<InstanceConfigurationAllowedCloudModelsDefaultModels>>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of models.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct InstanceConfigurationAllowedModels {
    /// The models.
    pub iterable: Vec<InstanceConfigurationAllowedModel>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// One model.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceConfigurationAllowedModel {
    /// Unique name.
    pub unique: String,
    /// Display name.
    pub name: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Whether the model is the organization's own.
    pub custom: Option<bool>,
    /// Family it is built on.
    pub foundation: Option<ModelFoundationEnum>,
    /// Limits on tokens.
    pub max_tokens: Option<ModelMaxTokens>,
    /// Who provides it.
    pub provider: Option<ExternalMLProviderEnum>,
    /// What it is tuned for.
    pub r#type: Option<ModelTypeEnum>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Models to prefer.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceConfigurationAllowedCloudModelsDefaultModels {
    /// The accurate one.
    pub accurate: Option<InstanceConfigurationAllowedModel>,
    /// Instead of the accurate one.
    pub fallback_accurate: Option<InstanceConfigurationAllowedModel>,
    /// Instead of the fast one.
    pub fallback_fast: Option<InstanceConfigurationAllowedModel>,
    /// The fast one.
    pub fast: Option<InstanceConfigurationAllowedModel>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Applications never captured.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeniedWorkstreamPatternEngineSourcesInstanceConfiguration {
    /// State of the rule.
    pub enabled: InstanceConfigurationEnabledEnum,
    /// The applications.
    pub denied_sources: Option<InstanceConfigurationDeniedWorkstreamPatternEngineSources>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of applications.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct InstanceConfigurationDeniedWorkstreamPatternEngineSources {
    /// The applications.
    pub iterable: Vec<InstanceConfigurationDeniedWorkstreamPatternEngineSource>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// One application.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct InstanceConfigurationDeniedWorkstreamPatternEngineSource {
    /// Name, as of the executable or the application.
    pub application: Option<String>,
    /// Bundle ids.
    pub bundle_identifiers: Option<Vec<String>>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Websites never captured.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeniedWorkstreamPatternEngineWebsitesInstanceConfiguration {
    /// State of the rule.
    pub enabled: InstanceConfigurationEnabledEnum,
    /// The websites.
    pub denied_websites: Option<InstanceConfigurationDeniedWorkstreamPatternEngineWebsites>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of websites.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct InstanceConfigurationDeniedWorkstreamPatternEngineWebsites {
    /// The websites.
    pub iterable: Vec<InstanceConfigurationDeniedWorkstreamPatternEngineWebsite>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// One website.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceConfigurationDeniedWorkstreamPatternEngineWebsite {
    /// Its URL.
    pub url: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Where work may be done.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProcessingInstanceConfiguration {
    /// State of the rule.
    pub enabled: InstanceConfigurationEnabledEnum,
    /// The places allowed.
    pub processing: Option<CapabilitiesEnum>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Limits on tokens of a model.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ModelMaxTokens {
    /// Tokens in.
    #[schema(value_type = Option<f64>)]
    pub input: Option<Number>,
    /// Tokens out.
    #[schema(value_type = Option<f64>)]
    pub output: Option<Number>,
    /// Both together; `null` when unlimited or unknown.
    #[serialize_always]
    #[schema(value_type = Option<f64>)]
    pub total: Option<Number>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Declares rules that have one toggle and nothing else.
macro_rules! toggles {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[skip_serializing_none]
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        pub struct $name {
            /// State of the rule.
            pub enabled: InstanceConfigurationEnabledEnum,
            /// Version of this model.
            pub schema: Option<EmbeddedModelSchema>,
        }
    )+};
}

toggles! {
    /// Events to BigQuery.
    BigQueryInstanceConfiguration,
    /// Making backups in the cloud.
    CloudBackupCreationInstanceConfiguration,
    /// Connecting to the cloud.
    ConnectToCloudInstanceConfiguration,
    /// Deleting a backup in the cloud.
    DeleteCloudBackupInstanceConfiguration,
    /// Listing the backups in the cloud.
    ListCloudBackupsInstanceConfiguration,
    /// Showing one backup in the cloud.
    ListSpecificCloudBackupInstanceConfiguration,
    /// Connecting to the cloud again.
    ReconnectToCloudInstanceConfiguration,
    /// Restoring a backup from the cloud.
    RestoreCloudBackupInstanceConfiguration,
    /// Events to Segment.
    SegmentInstanceConfiguration,
    /// Summary reports to the team service.
    SendInternalSummaryReportsToUserTeamServiceInstanceConfiguration,
    /// Sharing a snippet.
    ShareSnippetInstanceConfiguration,
    /// Updating the cloud.
    UpdateAllocationCloudInstanceConfiguration,
}
