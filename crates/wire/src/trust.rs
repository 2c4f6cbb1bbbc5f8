//! Whom a device trusts: web pages that may call it, applications that may read tokens, and the record of what they did.
//! Additive to the Pieces OS User API.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::GroupedTimestamp;

wire_enum! {
    /// What was decided of an origin.
    pub enum OriginVerdictEnum {
        Unknown = "UNKNOWN",
        Allowed = "ALLOWED",
        Denied = "DENIED",
        Asked = "ASKED",
    }
}

/// Pages of one origin (RFC 6454: scheme, host and port).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The origin as browsers write it, like `http://localhost:8888` or `chrome-extension://abc`.
    pub origin: String,
    /// `ASKED`: a page of it was refused, and nobody has decided yet.
    pub verdict: OriginVerdictEnum,
    /// When it was decided, or asked for last.
    pub at: GroupedTimestamp,
}

/// A list of origins.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Origins {
    /// The origins: those that ask first, then those that are decided, by name.
    pub iterable: Vec<Origin>,
}

/// Lets the pages of an origin call this device, or keeps them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OriginDecision {
    /// The origin; exactly it is meant, no other port and no subdomain.
    #[schema(max_length = 300)]
    pub origin: String,
    /// Whether its pages may call.
    pub allowed: bool,
}

wire_enum! {
    /// What was done.
    pub enum AuditActionEnum {
        Unknown = "UNKNOWN",
        TokenRead = "TOKEN_READ",
        TokenRefused = "TOKEN_REFUSED",
        ApplicationConnected = "APPLICATION_CONNECTED",
        ApplicationRevoked = "APPLICATION_REVOKED",
        ApplicationRestored = "APPLICATION_RESTORED",
        OriginAllowed = "ORIGIN_ALLOWED",
        OriginDenied = "ORIGIN_DENIED",
        AccountAdded = "ACCOUNT_ADDED",
        AccountSelected = "ACCOUNT_SELECTED",
        AccountRemoved = "ACCOUNT_REMOVED",
        SignedOut = "SIGNED_OUT",
        SessionEnded = "SESSION_ENDED",
        DeletionRequested = "DELETION_REQUESTED",
        AccountRestored = "ACCOUNT_RESTORED",
        EditRefused = "EDIT_REFUSED",
    }
}

/// One thing that was done.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// When.
    pub at: GroupedTimestamp,
    /// What.
    pub action: AuditActionEnum,
    /// The account it was done to; absent when it concerns none.
    pub user: Option<String>,
    /// Id of the application that asked; absent when it gave none.
    pub application: Option<String>,
    /// The foreign origin whose page asked; absent for programs and for the device's own page.
    pub origin: Option<String>,
    /// What it was about: the kind of token, the application, the origin, the identity provider.
    pub subject: Option<String>,
}

/// A list of what was done, the latest first. A device keeps the last 10,000.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// The entries.
    pub iterable: Vec<AuditEntry>,
}

/// The foreign web page a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its origin.
    pub origin: String,
    /// Whether a person allowed it; a page that only a relaxed guard lets in is not.
    pub is_approved: bool,
}

/// Decides which foreign pages may call. Asked for each request of one, so it answers from memory.
pub trait Pages: Send + Sync + 'static {
    /// Whether a person allowed the pages of this origin or denied them. One that nobody decided on is remembered to be
    /// offered for approval, within bounds.
    fn verdict(&self, origin: &str) -> Option<bool>;
}
