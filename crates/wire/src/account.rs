//! What a person can see and end of his account in a cloud: sessions, everything kept of him, the account itself.
//! Additive to the Pieces OS User API.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::{Aesthetics, Audit, Entities, GroupedTimestamp, UserBetaStatus, UserProfile};

/// A device or program that came with tokens of this person.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserSession {
    /// What tells it from the person's others.
    pub id: String,
    /// The identity provider whose tokens it comes with.
    pub issuer: String,
    /// What the program calls itself (`User-Agent`).
    pub agent: Option<String>,
    /// When it was seen first.
    pub created: GroupedTimestamp,
    /// When it was seen last, to ten minutes.
    pub seen: GroupedTimestamp,
    /// Whether it is the one that asks.
    pub current: Option<bool>,
    /// Whether it was ended: its tokens are refused.
    pub ended: Option<bool>,
}

/// The sessions of a person, the one seen last first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct UserSessions {
    /// The sessions.
    pub iterable: Vec<UserSession>,
}

/// The name an identity provider has for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserIdentity {
    /// The provider.
    pub issuer: String,
    /// Its name for the person.
    pub subject: String,
}

/// What a person may write of his profile, as it was at one of its revisions.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserRevision {
    /// The revision.
    pub revision: i64,
    /// When it was made.
    pub updated: GroupedTimestamp,
    /// Display name.
    pub name: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// URL of a picture.
    pub picture: Option<String>,
    /// Font and theme.
    pub aesthetics: Aesthetics,
}

/// Everything that is kept of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserExport {
    /// When this was put together.
    pub exported: GroupedTimestamp,
    /// The profile.
    pub user: UserProfile,
    /// The last states of the profile, the present one first.
    #[serde(default)]
    pub revisions: Vec<UserRevision>,
    /// What was opted in to.
    pub beta: UserBetaStatus,
    /// Who vouches for the person.
    pub identities: Vec<UserIdentity>,
    /// The sessions.
    pub sessions: UserSessions,
    /// The organisations and teams.
    pub entities: Entities,
    /// What was done to the account.
    pub audit: Audit,
}

wire_enum! {
    /// What became of a request to delete an account.
    pub enum DeletionStateEnum {
        Unknown = "UNKNOWN",
        Pending = "PENDING",
        Done = "DONE",
        Restored = "RESTORED",
    }
}

/// A request to delete an account, and its receipt.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deletion {
    /// Id of the receipt: whoever knows it can ask what became of the request, then and later.
    pub receipt: String,
    /// What became of it.
    pub state: DeletionStateEnum,
    /// When it was asked for.
    pub requested: GroupedTimestamp,
    /// When it is done; until then signing in again takes it back.
    pub due: GroupedTimestamp,
    /// When it was done or taken back.
    pub ended: Option<GroupedTimestamp>,
    /// What is deleted and what is not, in words.
    pub scope: String,
}
