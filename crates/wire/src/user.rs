//! A person's profile and the lists of people.

use crate::{
    AllocationCloud, Auth0UserMetadata, DescopeUserMetadata, EmbeddedModelSchemaSemanticVersionEnum,
    ExternalProviders, FlattenedEntities, FlattenedSubscriptions, GroupedTimestamp, Score, Secret,
};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person: who they are, how they like their tools, and what is linked to them.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserProfile {
    /// Id of the user.
    pub id: String,
    /// Mail address.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Unique user name.
    pub username: Option<String>,
    /// Address of a picture.
    pub picture: Option<String>,
    /// Label of the personal cloud's address.
    pub vanityname: Option<String>,
    /// Preferences that follow the user.
    pub aesthetics: Aesthetics,
    /// When the profile was made.
    pub created: Option<GroupedTimestamp>,
    /// When the profile last changed.
    pub updated: Option<GroupedTimestamp>,
    /// The personal cloud; absent when disconnected.
    pub allocation: Option<AllocationCloud>,
    /// Linked identity providers.
    pub providers: Option<ExternalProviders>,
    /// Metadata kept by Auth0.
    pub auth0: Option<Auth0UserMetadata>,
    /// Metadata kept by Descope.
    pub descope: Option<DescopeUserMetadata>,
    /// Keys the user holds.
    pub api_keys: Option<Vec<Secret>>,
    /// Organizations and teams of the user.
    pub entities: Option<FlattenedEntities>,
    /// Subscriptions of the user.
    pub subscriptions: Option<FlattenedSubscriptions>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// The current user, if anybody is signed in.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ReturnedUserProfile {
    /// The user; absent when signed out.
    pub user: Option<UserProfile>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of full profiles.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Users {
    /// The profiles.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[schema(required = false)]
    pub iterable: Vec<UserProfile>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Preferences of the user interface.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Aesthetics {
    /// Preferred font.
    pub font: Font,
    /// Preferred theme.
    pub theme: Theme,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A colour theme.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Theme {
    /// Whether dark colours are preferred.
    pub dark: bool,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A font preference.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Font {
    /// Size in points.
    #[schema(minimum = 6, maximum = 96)]
    pub size: i64,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Version of the model that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbeddedModelSchema {
    /// Version of the database.
    pub migration: i64,
    /// Version of the API.
    pub semantic: EmbeddedModelSchemaSemanticVersionEnum,
}

impl EmbeddedModelSchema {
    /// The version every model of this crate is written for.
    pub const fn current() -> Self {
        Self { migration: 0, semantic: EmbeddedModelSchemaSemanticVersionEnum::Major0Minor0Patch1 }
    }
}

/// A list of people by reference.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct FlattenedUsers {
    /// The people.
    pub iterable: Vec<ReferencedUser>,
    /// Position of each id in `iterable`; -1 for one that was removed.
    pub indices: Option<BTreeMap<String, i64>>,
    /// How much the list is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A person by id, perhaps with a short profile.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReferencedUser {
    /// Id of the user.
    pub id: String,
    /// The short profile.
    pub reference: Option<Box<FlattenedUserProfile>>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A short profile.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlattenedUserProfile {
    /// Id of the user.
    pub id: String,
    /// Mail address.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Unique user name.
    pub username: Option<String>,
    /// Address of a picture.
    pub picture: Option<String>,
    /// Label of the personal cloud's address.
    pub vanityname: Option<String>,
    /// Organizations and teams of the user.
    #[schema(no_recursion)]
    pub entities: Option<FlattenedEntities>,
    /// Subscriptions of the user.
    #[schema(no_recursion)]
    pub subscriptions: Option<FlattenedSubscriptions>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list that may be absent or `null`, both of which mean an empty one.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
