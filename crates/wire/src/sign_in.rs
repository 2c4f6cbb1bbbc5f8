//! Signing in with an identity provider: one job, the states it goes through, and how it ended. Additive to the Pieces
//! OS User API.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::GroupedTimestamp;

wire_enum! {
    /// How a person proves who he is.
    pub enum SignInMethodEnum {
        Browser = "browser",
        Device = "device",
        Paste = "paste",
        Unknown = "UNKNOWN",
    }
}

wire_enum! {
    /// Where a sign-in stands. The last four are ends.
    pub enum SignInStateEnum {
        WaitingForBrowser = "waiting_for_browser",
        WaitingForCode = "waiting_for_code",
        Exchanging = "exchanging",
        LoadingProfile = "loading_profile",
        Done = "done",
        Failed = "failed",
        Cancelled = "cancelled",
        Expired = "expired",
        Unknown = "UNKNOWN",
    }
}

impl SignInStateEnum {
    /// Whether nothing changes any more.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled | Self::Expired)
    }
}

wire_enum! {
    /// Why a sign-in did not succeed, or why a session cannot be refreshed.
    pub enum SignInFailureEnum {
        IssuerUnreachable = "issuer_unreachable",
        IssuerFailed = "issuer_failed",
        IssuerRefused = "issuer_refused",
        IssuerMismatch = "issuer_mismatch",
        TokenInvalid = "token_invalid",
        ClockWrong = "clock_wrong",
        MethodNotSupported = "method_not_supported",
        RedirectPortTaken = "redirect_port_taken",
        KeyringUnavailable = "keyring_unavailable",
        NotStored = "not_stored",
        Declined = "declined",
        Cancelled = "cancelled",
        Expired = "expired",
        Unknown = "UNKNOWN",
    }
}

/// What a sign-in is started with; everything may be left open.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SignInRequest {
    /// The method; absent, the one that suits the machine.
    pub method: Option<SignInMethodEnum>,
    /// Name or URL of the identity provider; absent, the first one configured.
    pub issuer: Option<String>,
}

/// The address the browser was sent to at the end, copied from its address bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInRedirect {
    /// The whole address.
    pub url: crate::Secret,
}

/// One sign-in and where it stands.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// Id of this sign-in.
    pub id: String,
    /// Where it stands.
    pub state: SignInStateEnum,
    /// How the person proves who he is.
    pub method: SignInMethodEnum,
    /// URL of the identity provider.
    pub issuer: String,
    /// The address to open; for the method `device` on any other machine.
    pub url: Option<String>,
    /// The code to type in there (`device`).
    pub user_code: Option<String>,
    /// The address with the code in it (`device`, from some providers).
    pub url_with_code: Option<String>,
    /// Whether a browser was told to open the address.
    pub opened: bool,
    /// When the present state ends by itself.
    pub expires: Option<GroupedTimestamp>,
    /// Why it did not succeed.
    pub failure: Option<SignInFailure>,
    /// Id of the user who signed in.
    pub user: Option<String>,
}

/// Why a sign-in failed and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInFailure {
    /// The stable word.
    pub code: SignInFailureEnum,
    /// What happened.
    pub message: String,
    /// What to do.
    pub next_step: String,
}

impl std::fmt::Display for SignInFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.message, self.next_step)
    }
}
