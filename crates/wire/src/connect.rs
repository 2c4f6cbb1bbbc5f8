//! What applications exchange with the service when they start: who they are, its health and its models.

use crate::{
    CapabilitiesEnum, EmbeddedModelSchema, ExternalMLProviderEnum, GroupedTimestamp, MechanismEnum,
    ModelFoundationEnum, ModelMaxTokens, ModelTypeEnum, ModelUsageEnum, PlatformEnum, PrivacyEnum,
    ReferencedEntity, Score, UserProfile,
};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// An application introduces itself.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeededConnectorConnection {
    /// The application.
    pub application: SeededTrackedApplication,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// An application, not yet known.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeededTrackedApplication {
    /// Name; the same name always gets the same id.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    pub name: String,
    /// Operating system.
    pub platform: PlatformEnum,
    /// Version of the application.
    #[schema(max_length = 200)]
    pub version: String,
    /// Where it works.
    pub capabilities: Option<CapabilitiesEnum>,
    /// How much it may collect.
    pub privacy: Option<PrivacyEnum>,
    /// Whether models are unloaded on their own.
    pub automatic_unload: Option<bool>,
    /// Tells applications of one name apart.
    #[schema(max_length = 1000)]
    pub descriptor: Option<String>,
    /// How much is added to its materials.
    pub enrichment: Option<SeededAssetEnrichment>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// How many items of each kind are added to materials.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct SeededAssetEnrichment {
    /// Number of hints.
    pub hints: Option<i64>,
    /// Number of people.
    pub persons: Option<i64>,
    /// Number of tags.
    pub tags: Option<i64>,
    /// Number of websites.
    pub websites: Option<i64>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A known application.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Id of the application.
    pub id: String,
    /// Name; the same name always gets the same id.
    pub name: String,
    /// Operating system.
    pub platform: PlatformEnum,
    /// Version of the application.
    pub version: String,
    /// Whether its introduction was completed.
    pub onboarded: bool,
    /// How much it may collect.
    pub privacy: PrivacyEnum,
    /// Where it works.
    pub capabilities: Option<CapabilitiesEnum>,
    /// How it came to be known.
    pub mechanism: Option<MechanismEnum>,
    /// Whether models are unloaded on their own.
    pub automatic_unload: Option<bool>,
    /// Tells applications of one name apart.
    pub descriptor: Option<String>,
    /// How much is added to its materials.
    pub enrichment: Option<SeededAssetEnrichment>,
    /// Whether it was kept from reading tokens; absent when it was not. Not part of the Pieces OS API.
    pub revoked: Option<bool>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of applications.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Applications {
    /// The applications.
    pub iterable: Vec<Application>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Answer to an application that introduced itself.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Context {
    /// Id of this installation.
    pub os: String,
    /// The application as it is now known.
    pub application: Application,
    /// Health of the service.
    pub health: Health,
    /// The current user; absent when signed out.
    pub user: Option<UserProfile>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Health of the service.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The installation.
    pub os: OSHealth,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// An installation and its version.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OSHealth {
    /// Id of the installation.
    pub id: String,
    /// Version of the service.
    pub version: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of models.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Models {
    /// The models.
    pub iterable: Vec<Model>,
    /// How much the list is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A machine-learning model.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Id of the model.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Version.
    pub version: String,
    /// When it was added.
    pub created: GroupedTimestamp,
    /// Whether it runs in the cloud.
    pub cloud: bool,
    /// What it is tuned for.
    pub r#type: ModelTypeEnum,
    /// What it is used for.
    pub usage: ModelUsageEnum,
    /// Unique name.
    pub unique: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Family it is built on.
    pub foundation: Option<ModelFoundationEnum>,
    /// Who provides it.
    pub provider: Option<ExternalMLProviderEnum>,
    /// Size in billions of parameters.
    #[schema(value_type = Option<f64>)]
    pub parameters: Option<Number>,
    /// Name of the quantization.
    pub quantization: Option<String>,
    /// Limits on tokens.
    pub max_tokens: Option<ModelMaxTokens>,
    /// What it can work on.
    pub capabilities: Option<ModelCapabilities>,
    /// Size on disk.
    pub bytes: Option<ByteDescriptor>,
    /// Size in memory.
    pub ram: Option<ByteDescriptor>,
    /// Whether it is made for processors without acceleration.
    pub cpu: Option<bool>,
    /// Whether it is the user's or an organization's own.
    pub custom: Option<bool>,
    /// Whether the user may not use it.
    pub denied: Option<bool>,
    /// Whether it is on this machine.
    pub downloaded: Option<bool>,
    /// Whether it is being fetched.
    pub downloading: Option<bool>,
    /// Whether it is in memory.
    pub loaded: Option<bool>,
    /// Whose model it is.
    pub organization: Option<ReferencedEntity>,
    /// How much it is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// What a model can work on.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ModelCapabilities {
    /// Saved materials.
    pub assets: Option<bool>,
    /// Code bases.
    pub codebases: Option<bool>,
    /// Documents.
    pub documents: Option<bool>,
    /// Images.
    pub images: Option<bool>,
    /// Ranges of time.
    pub temporal: Option<bool>,
    /// Videos.
    pub videos: Option<bool>,
    /// Websites.
    pub websites: Option<bool>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A number of bytes.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ByteDescriptor {
    /// The number.
    pub value: i64,
    /// The number as text for people.
    pub readable: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}
