//! The present state of one user as readers take it: versioned, and encoded once per change.

use bytes::Bytes;

use crate::{ExternalProviderTypeEnum, UserProfile};

/// Which state of which sign-in something belongs to. Orders states of one source.
///
/// The generation grows with each change of who is current, the revision with each change of that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// Grows by each switch, sign-in and sign-out.
    pub generation: u64,
    /// Grows by each change visible on the profile.
    pub revision: u64,
}

/// The text of the `ETag`, without its quotes: `<generation>-<revision>`.
impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.generation, self.revision)
    }
}

impl std::str::FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (generation, revision) =
            text.trim().trim_start_matches("W/").trim_matches('"').split_once('-').ok_or(())?;
        Ok(Self { generation: generation.parse().map_err(drop)?, revision: revision.parse().map_err(drop)? })
    }
}

/// Who is current, as one immutable value: what `GET /user` answers and streams send.
#[derive(Debug, Clone, PartialEq)]
pub struct Present {
    /// Which state this is.
    pub version: Version,
    /// The current user; `None` signed out.
    pub user: Option<UserProfile>,
    /// What a stream sends: the bare profile, or nothing when signed out. Safe for every client version.
    pub frame: Bytes,
    /// What `GET /user` answers: `{"user": ...}` or `{}`.
    pub envelope: Bytes,
    /// The envelope without values that the oldest clients cannot parse. The same bytes where there are none.
    pub safe_envelope: Bytes,
    /// `"<generation>-<revision>"`, quotes included.
    pub etag: String,
}

impl Present {
    /// Encodes the state. Provider tokens never leave through it.
    pub fn new(version: Version, user: Option<UserProfile>) -> Self {
        let etag = format!("\"{version}\"");
        let Some(mut user) = user else {
            let envelope = Bytes::from_static(b"{}");
            return Self {
                version,
                user: None,
                frame: Bytes::new(),
                safe_envelope: envelope.clone(),
                envelope,
                etag,
            };
        };
        for provider in user.providers.iter_mut().flat_map(|providers| &mut providers.iterable) {
            provider.access_token = None;
        }
        let (envelope, frame) = encode(&user);
        let (safe_envelope, frame) = match without_young_providers(&user) {
            Some(safe) => encode(&safe),
            None => (envelope.clone(), frame),
        };
        Self { version, user: Some(user), frame, envelope, safe_envelope, etag }
    }

    /// The frame for a caller that can parse every value.
    pub fn whole_frame(&self) -> Bytes {
        if self.user.is_some() { bare(&self.envelope) } else { Bytes::new() }
    }
}

/// What stands before the profile in an envelope.
const OPEN: &[u8] = b"{\"user\":";

/// The envelope and, as a slice of it, the bare profile.
fn encode(user: &UserProfile) -> (Bytes, Bytes) {
    let mut envelope = Vec::with_capacity(2048);
    envelope.extend_from_slice(OPEN);
    serde_json::to_writer(&mut envelope, user).expect("a profile has only string keys, so it always encodes");
    envelope.push(b'}');
    let envelope = Bytes::from(envelope);
    let frame = bare(&envelope);
    (envelope, frame)
}

/// The profile of an envelope that holds one.
fn bare(envelope: &Bytes) -> Bytes {
    envelope.slice(OPEN.len()..envelope.len() - 1)
}

/// The profile without providers whose type the 4.0.0 clients reject; `None` when there are none.
fn without_young_providers(user: &UserProfile) -> Option<UserProfile> {
    use ExternalProviderTypeEnum as Type;
    let old = |kind: Type| {
        matches!(
            kind,
            Type::Github
                | Type::GoogleOauth2
                | Type::Bitbucket
                | Type::Linkedin
                | Type::Twitter
                | Type::Facebook
                | Type::Waad
        )
    };
    if user.providers.as_ref()?.iterable.iter().all(|provider| old(provider.r#type)) {
        return None;
    }
    let mut safe = user.clone();
    if let Some(providers) = &mut safe.providers {
        providers.iterable.retain(|provider| old(provider.r#type));
    }
    Some(safe)
}
