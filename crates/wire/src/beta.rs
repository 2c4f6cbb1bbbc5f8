//! Taking part in the beta programme.

use crate::{EmbeddedModelSchema, GroupedTimestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// Beta status of a user.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserBetaStatus {
    /// Id of the user.
    pub user: String,
    /// Status kept by Auth0.
    pub auth0: Option<Auth0UserBetaStatus>,
    /// Status kept by Descope.
    pub descope: Option<Auth0UserBetaStatus>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Beta status per product.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Auth0UserBetaStatus {
    /// When the user takes part.
    pub vision: Option<AnonymousTemporalRange>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A range of time; one open end means before or after.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct AnonymousTemporalRange {
    /// Start of the range.
    pub from: Option<GroupedTimestamp>,
    /// End of the range.
    pub to: Option<GroupedTimestamp>,
    /// Whether both ends count.
    pub between: Option<bool>,
    /// Whether the range goes on without end.
    pub continuous: Option<bool>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}
