//! Shapes that come from the identity services: accounts, their metadata and tokens.

use crate::{AnonymousTemporalRange, EmbeddedModelSchema, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// Metadata Auth0 keeps for a user.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Auth0UserMetadata {
    /// Id of the user across services.
    pub global_id: String,
    /// Key to the personal cloud.
    pub cloud_key: Option<Secret>,
    /// Customer number, once the user paid.
    pub stripe_customer_id: Option<String>,
    /// Label of the personal cloud's address.
    pub vanityname: Option<String>,
    /// Where the personal cloud lives.
    pub allocation: Option<Auth0UserAllocationMetadata>,
    /// The user's OpenAI keys.
    #[serde(rename = "open_AI")]
    pub open_ai: Option<Auth0OpenAIUserMetadata>,
    /// When the user takes part in the beta programme.
    pub beta: Option<AnonymousTemporalRange>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Metadata Descope keeps for a user.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DescopeUserMetadata {
    /// Id inside Descope.
    pub descope_id: String,
    /// Id of the user across services.
    pub global_id: String,
    /// Label of the personal cloud's address.
    pub vanityname: Option<String>,
    /// Where the personal cloud lives.
    pub allocation: Option<Auth0UserAllocationMetadata>,
    /// The user's OpenAI keys.
    #[serde(rename = "open_AI")]
    pub open_ai: Option<Auth0OpenAIUserMetadata>,
    /// When the user takes part in the beta programme.
    pub beta: Option<AnonymousTemporalRange>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// Where a personal cloud lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Auth0UserAllocationMetadata {
    /// Project name.
    pub project: String,
    /// Region name.
    pub region: String,
}

/// A user's OpenAI keys.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Auth0OpenAIUserMetadata {
    /// The key.
    pub api_key: Option<Secret>,
    /// What the user calls the key.
    pub api_key_name: Option<String>,
    /// Key of the user's organization.
    pub organization_key: Option<Secret>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// An account as Auth0 describes it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Auth0User {
    /// Id inside Auth0.
    pub user_id: Option<String>,
    /// Mail address.
    #[schema(pattern = r"^([^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+)?$", max_length = 254)]
    pub email: Option<String>,
    /// Whether the address was verified.
    pub email_verified: Option<bool>,
    /// Full name.
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// Nickname.
    pub nickname: Option<String>,
    /// Unique user name.
    pub username: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Address of a picture.
    #[schema(pattern = r"^((https?://|data:image/)[!-~]+)?$", max_length = 65536)]
    pub picture: Option<String>,
    /// Language and region.
    pub locale: Option<String>,
    /// Accounts used to sign in, linked ones included.
    pub identities: Option<Vec<Auth0Identity>>,
    /// Metadata, the id across services among it.
    pub user_metadata: Option<Auth0UserMetadata>,
    /// When the account was made.
    pub created_at: Option<Timestamp>,
    /// When the account last changed.
    pub updated_at: Option<Timestamp>,
    /// When the user last signed in.
    pub last_login: Option<Timestamp>,
    /// Address of the last sign-in.
    pub last_ip: Option<String>,
    /// Number of sign-ins.
    pub logins_count: Option<i64>,
    /// Addresses the account is blocked for.
    pub blocked_for: Option<Vec<String>>,
    /// Enrolled second factors.
    pub guardian_authenticators: Option<Vec<String>>,
}

/// One account used to sign in.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth0Identity {
    /// Provider name.
    pub provider: Option<String>,
    /// Id inside the provider.
    #[serde(rename = "user_id")]
    pub user_id: Option<String>,
    /// Connection name.
    pub connection: Option<String>,
    /// Token for the provider's API.
    #[serde(rename = "access_token")]
    pub access_token: Option<Secret>,
    /// Seconds the token is good for.
    #[serde(rename = "expires_in")]
    pub expires_in: Option<i64>,
    /// A social connection rather than an enterprise one.
    pub is_social: Option<bool>,
}

/// A set of tokens from a sign-in.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OAuthToken {
    /// Token for calls.
    pub access_token: Secret,
    /// How the token is presented, `Bearer`.
    pub token_type: String,
    /// Seconds the token is good for.
    pub expires_in: i64,
    /// Token to get the next set with.
    pub refresh_token: Option<Secret>,
    /// Statement about who signed in.
    pub id_token: Option<Secret>,
    /// What the token allows.
    pub scope: Option<String>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}
