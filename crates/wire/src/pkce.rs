//! A code flow with PKCE that a tool runs by itself, as the official clients know it: what it begins with, what goes to
//! the provider, and what comes back.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::{EmbeddedModelSchema, OAuthToken, Secret};

/// A flow, with what is known of it so far.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct PKCE {
    /// What the flow begins with.
    pub challenge: Option<ChallengedPKCE>,
    /// What the provider is asked, completed.
    pub seed: Option<SeededPKCE>,
    /// Where the person signs in. Additive.
    pub url: Option<String>,
    /// What the provider sent back.
    pub result: Option<ResultedPKCE>,
    /// The tokens, from any provider but Descope.
    pub auth0: Option<PKCEGrant>,
    /// The tokens, from Descope.
    pub descope: Option<PKCEGrant>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// What a flow begins with.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChallengedPKCE {
    /// The hash of the verifier, which goes to the provider first.
    pub challenge: String,
    /// How it is hashed: `S256`.
    pub method: String,
    /// The same as the state.
    pub nonce: Secret,
    /// Comes back with the code.
    pub state: Secret,
    /// What only the tool knows until it exchanges the code.
    pub verifier: Secret,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// What a provider is asked (OpenID Connect Core, 3.1.2.1).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeededPKCE {
    /// `code`.
    pub response_type: String,
    /// The client registered at the provider.
    pub client_id: String,
    /// The challenge of the flow.
    pub code_challenge: String,
    /// `S256`.
    pub code_challenge_method: String,
    /// The state of the flow.
    pub state: Secret,
    /// The nonce of the flow.
    pub nonce: Secret,
    /// What is asked for.
    pub scope: Vec<String>,
    /// Where the browser comes back to; the daemon itself when absent.
    pub redirect_uri: Option<String>,
    /// How it comes back.
    pub response_mode: Option<String>,
    /// Where people sign in; in a question it chooses among providers with the same client.
    pub domain: Option<String>,
    /// The API that access tokens are for.
    pub audience: Option<String>,
    /// Whether the person is asked again.
    pub prompt: Option<String>,
    /// Which page is shown first (Auth0).
    pub screen_hint: Option<String>,
    /// The organisation to sign in to (Auth0).
    pub organization: Option<String>,
    /// The invitation to it (Auth0).
    pub invitation: Option<String>,
    /// What a provider wants beside the standard.
    #[serde(rename = "ADDITIONAL_PARAMETERS")]
    pub additional_parameters: Option<AdditionalParameters>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// What a provider wants beside the standard.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct AdditionalParameters {
    /// `offline`, for refresh tokens from Google.
    pub access_type: Option<String>,
    /// How its pages look.
    pub display: Option<String>,
}

/// What a provider sent the browser back with (RFC 6749, 4.1.2; RFC 9207).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PKCERedirect {
    /// The code.
    pub code: Option<Secret>,
    /// The state of the flow.
    pub state: Secret,
    /// The provider.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same for people.
    pub error_description: Option<String>,
    /// A browser brought it, with all that the provider said; a tool may leave the provider out.
    #[serde(skip)]
    pub by_browser: bool,
}

/// A code that came back.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultedPKCE {
    /// The code.
    pub code: Secret,
    /// The state of the flow.
    pub state: Secret,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A code to be exchanged for tokens.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenizedPKCE {
    /// `authorization_code`.
    pub grant_type: String,
    /// The client registered at the provider.
    pub client_id: String,
    /// The code.
    pub code: Secret,
    /// The verifier of the flow.
    pub code_verifier: Secret,
    /// Where the browser came back to.
    pub redirect_uri: String,
    /// The provider.
    pub audience: Option<String>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// What a provider granted.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PKCEGrant {
    /// The provider.
    pub domain: String,
    /// The client registered there.
    pub client: String,
    /// The API that the access token is for; empty when none was named.
    pub audience: String,
    /// The tokens.
    #[serde(rename = "oAuth")]
    pub o_auth: OAuthGroup,
    /// Where the browser came back to.
    pub redirects: PKCERedirects,
}

/// Tokens.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OAuthGroup {
    /// The tokens.
    pub token: Option<OAuthToken>,
}

/// Where the browser came back to.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PKCERedirects {
    /// After the person signed in.
    pub authenticated: Option<String>,
}
