//! What a node of a cloud is told.

use std::num::NonZeroU32;
use std::time::Duration;

use usher_domain::store::Place;
use usher_issuer::IssuerSettings;

/// What a node of a cloud is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything is.
    pub place: Place,
    /// Whose tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// The servers through which nodes tell each other of changes; none where there is one node.
    pub nats: Vec<String>,
    /// How long one exchange with an identity provider may take.
    pub issuer_within: Duration,
    /// How many requests of one person a node takes in a second, with a burst of ten times that; no limit if `None`.
    pub requests_per_second: Option<NonZeroU32>,
    /// How often a node looks for changes that nobody told it of.
    pub look_every: Duration,
    /// How long somebody who wants to be deleted can change his mind.
    pub deletes_after: Duration,
}

impl Settings {
    /// The usual settings for a database at `place`.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            issuers: Vec::new(),
            nats: Vec::new(),
            issuer_within: Duration::from_secs(10),
            requests_per_second: NonZeroU32::new(100),
            look_every: Duration::from_secs(30),
            deletes_after: Duration::from_secs(7 * 24 * 3600),
        }
    }
}
