//! Identity providers linked to a user.

use crate::{EmbeddedModelSchema, ExternalProviderTypeEnum, GroupedTimestamp, Secret};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

/// The linked providers.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ExternalProviders {
    /// One item per provider account.
    pub iterable: Vec<ExternalProvider>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// One account at an identity provider.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalProvider {
    /// Kind of provider.
    pub r#type: ExternalProviderTypeEnum,
    /// Id inside the provider.
    #[serde(rename = "user_id")]
    pub user_id: String,
    /// Token for the provider's API.
    #[serde(rename = "access_token")]
    pub access_token: Option<Secret>,
    /// Seconds the token is good for.
    #[serde(rename = "expires_in")]
    pub expires_in: Option<i64>,
    /// Connection name; of an enterprise connection, its own.
    pub connection: Option<String>,
    /// A social connection rather than an enterprise one.
    pub is_social: Option<bool>,
    /// What the provider tells about the person.
    pub profile_data: Option<ExternalProviderProfileData>,
    /// When the account was linked.
    pub created: GroupedTimestamp,
    /// When the link last changed.
    pub updated: GroupedTimestamp,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// What a provider tells about a person.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct ExternalProviderProfileData {
    /// Anchor of the profile page.
    pub anchor: Option<String>,
    /// Short biography.
    pub bio: Option<String>,
    /// Address of a blog.
    pub blog: Option<String>,
    /// Employer.
    pub company: Option<String>,
    /// When the account was made, as the provider writes it.
    pub created_at: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Address of the account's events.
    pub events_url: Option<String>,
    /// Address of the list of followers.
    pub followers_url: Option<String>,
    /// Address of the list of accounts followed.
    pub following_url: Option<String>,
    /// Address of the list of gists.
    pub gists_url: Option<String>,
    /// Gravatar id.
    pub gravatar_id: Option<String>,
    /// Address of the profile page.
    pub html_url: Option<String>,
    /// Full name.
    pub name: Option<String>,
    /// Nickname.
    pub nickname: Option<String>,
    /// Id in the provider's graph.
    pub node_id: Option<String>,
    /// Address of the list of organizations.
    pub organizations_url: Option<String>,
    /// Address of a picture.
    pub picture: Option<String>,
    /// Address of the events received.
    pub received_events_url: Option<String>,
    /// Address of the list of repositories.
    pub repos_url: Option<String>,
    /// Address of the list of starred repositories.
    pub starred_url: Option<String>,
    /// Address of the list of watched repositories.
    pub subscriptions_url: Option<String>,
    /// User name at Twitter.
    pub twitter_username: Option<String>,
    /// Kind of account.
    pub r#type: Option<String>,
    /// When the account last changed, as the provider writes it.
    pub updated_at: Option<String>,
    /// Address of the account in the provider's API.
    pub url: Option<String>,
    /// Number of collaborators.
    pub collaborators: Option<i64>,
    /// Disk space used.
    pub disk_usage: Option<i64>,
    /// Number of followers.
    pub followers: Option<i64>,
    /// Number of accounts followed.
    pub following: Option<i64>,
    /// Number of private repositories owned.
    pub owned_private_repos: Option<i64>,
    /// Number of private gists.
    pub private_gists: Option<i64>,
    /// Number of public gists.
    pub public_gists: Option<i64>,
    /// Number of public repositories.
    pub public_repos: Option<i64>,
    /// Number of private repositories.
    pub total_private_repos: Option<i64>,
    /// Whether the address was verified.
    pub email_verified: Option<bool>,
    /// Whether the person is looking for work.
    pub hireable: Option<bool>,
    /// Whether the account administers the provider's site.
    pub site_admin: Option<bool>,
    /// Whether a second factor is set up.
    pub two_factor_authentication: Option<bool>,
}
