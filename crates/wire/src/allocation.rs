//! The personal cloud of a user.

use crate::{AllocationStatusEnum, EmbeddedModelSchema, GroupedTimestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// A personal cloud.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AllocationCloud {
    /// Id of the cloud; equals the user's.
    pub id: String,
    /// Id of the user.
    pub user: String,
    /// Project the cloud belongs to.
    pub project: String,
    /// Region of the project.
    pub region: Option<String>,
    /// Server version; present once the cloud is up.
    pub version: Option<String>,
    /// How the cloud is doing.
    pub status: AllocationCloudStatus,
    /// Addresses of the cloud.
    pub urls: AllocationCloudUrls,
    /// Last change; present once the cloud is up.
    pub updated: Option<GroupedTimestamp>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// How a cloud is doing.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AllocationCloudStatus {
    /// State of the cloud.
    pub cloud: AllocationStatusEnum,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Addresses of a cloud.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AllocationCloudUrls {
    /// Default address.
    pub base: AllocationCloudUrl,
    /// Address made from the cloud's id.
    pub id: AllocationCloudUrl,
    /// Address the user chose.
    pub vanity: Option<AllocationCloudUrl>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// One address of a cloud.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AllocationCloudUrl {
    /// State of the address.
    pub status: AllocationStatusEnum,
    /// Base URL to talk to the cloud.
    pub url: String,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of clouds.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Allocations {
    /// The clouds.
    pub iterable: Vec<AllocationCloud>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}
