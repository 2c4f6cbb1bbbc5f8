//! A profile as an edit: what the body of `POST /user/update` says, told apart from what it leaves out.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::{
    Aesthetics, AllocationCloud, Auth0UserMetadata, DescopeUserMetadata, EmbeddedModelSchema,
    ExternalProviders, FlattenedEntities, FlattenedSubscriptions, GroupedTimestamp, Secret,
};

/// An optional member of an edit: absent leaves it, `null` empties it, a value sets it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Edit<T> {
    /// Not mentioned: unchanged.
    #[default]
    Keep,
    /// `null`: the member is emptied.
    Clear,
    /// The member is set.
    Set(T),
}

impl<T> Edit<T> {
    /// Whether the member is not mentioned.
    pub fn is_keep(&self) -> bool {
        matches!(self, Edit::Keep)
    }
}

impl<T> From<Option<T>> for Edit<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Edit::Clear, Edit::Set)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Edit::from)
    }
}

impl<T: Serialize> Serialize for Edit<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Edit::Keep | Edit::Clear => serializer.serialize_none(),
            Edit::Set(value) => value.serialize(serializer),
        }
    }
}

/// The body of `POST /user/update` and `POST /user/update/vanity`: a whole or partial `UserProfile`.
///
/// Old clients send back the whole profile they read. The members below `vanityname` are read so that a wrong type is
/// refused, and otherwise ignored.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileUpdate {
    /// Whom to change. Required; absent is answered with 400.
    #[schema(value_type = String, required = true)]
    pub id: Option<String>,
    /// Which state the edit is based on: the `updated` that was read. Absent: every member sent is meant.
    pub updated: Option<GroupedTimestamp>,
    /// Display name.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub name: Edit<String>,
    /// Unique user name.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub username: Edit<String>,
    /// URL of a picture.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<String>, pattern = r"^(https?://|data:image/)[!-~]+$", max_length = 65536)]
    pub picture: Edit<String>,
    /// E-mail; writable for local accounts.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<String>, pattern = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$", max_length = 254)]
    pub email: Edit<String>,
    /// Preferences that follow the user.
    pub aesthetics: Option<Aesthetics>,
    /// The name wanted by `update/vanity`; ignored by `update`.
    pub vanityname: Option<String>,
    /// Read-only here.
    pub allocation: Option<AllocationCloud>,
    /// Read-only here.
    #[schema(value_type = Option<Vec<String>>)]
    pub api_keys: Option<Vec<Secret>>,
    /// Read-only here; may name the vanity name for `update/vanity`.
    pub auth0: Option<Auth0UserMetadata>,
    /// Read-only here.
    pub created: Option<GroupedTimestamp>,
    /// Read-only here; may name the vanity name for `update/vanity`.
    pub descope: Option<DescopeUserMetadata>,
    /// Read-only here.
    pub entities: Option<FlattenedEntities>,
    /// Read-only here.
    pub providers: Option<ExternalProviders>,
    /// Read-only here.
    pub subscriptions: Option<FlattenedSubscriptions>,
    /// Read-only here.
    pub schema: Option<EmbeddedModelSchema>,
}
