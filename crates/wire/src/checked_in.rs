//! Last check-in, checkout and the other answers about a user's standing.

use crate::{EmbeddedModelSchema, GroupedTimestamp, ReferencedUser, UserProfile};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// When the user last checked in and what that calls for.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserLastCheckedInStreamOutput {
    /// Id of the user; absent when signed out.
    pub user_id: Option<String>,
    /// Time of the last check-in.
    pub last_checked_in: Option<GroupedTimestamp>,
    /// Whether the client should load its data again.
    pub needs_refresh: bool,
    /// Whether the service itself must be updated.
    pub update_required: Option<bool>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// The user after billing data was refreshed.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RefreshedPaddleUser {
    /// The user.
    pub user: UserProfile,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Input of an association; carries nothing.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct EntityAssociateToUserInput {
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Input of a checkout; carries nothing.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct UserCheckoutInput {
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Input of managing subscriptions; carries nothing.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct UserManageSubscriptionsInput {
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A checkout that was started.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserCheckoutOutput {
    /// Who it is for.
    pub user: ReferencedUser,
    /// Page to continue on. Additive.
    pub url: Option<String>,
    /// Id of this attempt. Additive.
    pub attempt: Option<String>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Where subscriptions are managed.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserManageSubscriptionsOutput {
    /// Whose they are.
    pub user: ReferencedUser,
    /// Page to continue on. Additive.
    pub url: Option<String>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}
