//! How an installation is doing, for `usher status` and `usher doctor`. Additive to the Pieces OS User API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{GroupedTimestamp, SignInFailure};

/// The answer of `GET /status`. Holds no personal data.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of the software.
    pub version: String,
    /// Uuid of this installation; absent while it is starting.
    pub os: Option<String>,
    /// Whether the store is open and everything answers.
    pub ready: bool,
    /// Whether somebody is signed in.
    pub signed_in: bool,
    /// How many accounts this device keeps.
    pub accounts: i64,
    /// Where data is kept; absent for a cloud.
    pub data_dir: Option<String>,
    /// The policy files of this device.
    pub policies: Vec<PolicyFile>,
    /// How callers are checked; absent for a cloud.
    pub guard: Option<GuardStatus>,
    /// The identity providers of this device, the default first; absent when there is none.
    pub issuers: Option<Vec<Issuer>>,
    /// Where the key is kept that seals tokens: `keyring` or `file`; absent without a provider.
    pub token_store: Option<String>,
    /// The current account's session at its provider; absent for a local account.
    pub session: Option<SessionStatus>,
    /// How the current account stands with the cloud; absent without a cloud, and for a local account.
    pub cloud: Option<CloudStatus>,
    /// Id of the sign-in that was started last, running or ended; absent when there was none.
    pub sign_in: Option<String>,
}

/// How callers of a device are checked.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuardStatus {
    /// `strict`: web pages need approval; `legacy`: pages of this machine do not.
    pub mode: String,
    /// Whether other users of the machine are told apart on TCP, and so refused.
    pub checks_users: bool,
    /// The Unix socket beside TCP; absent when there is none.
    pub socket: Option<String>,
}

/// An identity provider that people can sign in with.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// Its URL.
    pub url: String,
    /// What people call it.
    pub name: Option<String>,
    /// URL of a picture.
    pub icon: Option<String>,
    /// Where it sends browsers back to; absent when another program uses every port for that.
    pub redirect: Option<String>,
}

/// How a session at an identity provider is doing.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// URL of the provider.
    pub issuer: String,
    /// Where the key is that seals its tokens: `keyring` or `file`.
    pub token_store: String,
    /// When the token is refreshed next; absent when it cannot be.
    pub refresh: Option<GroupedTimestamp>,
    /// Why the last refresh failed. The user stays signed in.
    pub problem: Option<SignInFailure>,
    /// Since when it fails.
    pub since: Option<GroupedTimestamp>,
}

wire_enum! {
    /// Whether a cloud is followed.
    pub enum ConnectivityEnum {
        Unknown = "UNKNOWN",
        Connected = "CONNECTED",
        Offline = "OFFLINE",
    }
}

wire_enum! {
    /// Why it is not.
    pub enum OfflineReasonEnum {
        Unknown = "UNKNOWN",
        Unreachable = "UNREACHABLE",
        Tls = "TLS",
        Clock = "CLOCK",
        Proxy = "PROXY",
        Refused = "REFUSED",
        SignedOutThere = "SIGNED_OUT_THERE",
    }
}

/// How an account stands with the cloud.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudStatus {
    /// Where the cloud is.
    pub url: String,
    /// Whether it is followed now.
    pub connectivity: ConnectivityEnum,
    /// Why it is not. The user stays signed in.
    pub reason: Option<OfflineReasonEnum>,
    /// The same in words.
    pub message: Option<String>,
    /// Since when it is so.
    pub since: Option<GroupedTimestamp>,
    /// When the cloud was last heard of; absent when never.
    pub last_checked_in: Option<GroupedTimestamp>,
    /// How many edits made here it has not acknowledged.
    pub pending_edits: i64,
    /// Why it refused an edit for good; told once.
    pub refused_edit: Option<String>,
    /// Whether it wants a newer version of this software.
    pub update_required: bool,
}

/// One file of the policy folder.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyFile {
    /// File name within the folder.
    pub file: String,
    /// Name of the organisation or team in force from it; absent when it was never readable.
    pub entity: Option<String>,
    /// Why the present content is not used; the last good one stays in force.
    pub problem: Option<String>,
}
