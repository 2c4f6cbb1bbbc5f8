//! How an installation is doing, for `usher status` and `usher doctor`. Additive to the Pieces OS User API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
