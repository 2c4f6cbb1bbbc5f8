//! What `doctor` looks at beside a daemon: an identity provider, and the keyring, as they are from here.

use std::sync::Arc;
use std::time::Duration;

use url::Url;
use usher_issuer::{Issuer, IssuerSettings, Kind, Outbound, Trouble};
use usher_wire::{SignInFailure, Timestamp};

/// Longer than that nobody waits for a diagnosis.
const WITHIN: Duration = Duration::from_secs(10);

/// Asks a provider what a sign-in asks first, and answers what its clock shows.
pub async fn look_at_issuer(url: &str) -> Result<Option<Timestamp>, SignInFailure> {
    let url = Url::parse(url).map_err(|error| {
        Trouble::new(Kind::Failed, format!("the URL of the issuer is none ({error})")).failure()
    })?;
    let settings = IssuerSettings::of(url);
    let issuer = Issuer::new(settings, Arc::new(Outbound::new(WITHIN)));
    issuer.clock().await.map_err(|trouble| trouble.failure())
}

/// Asks the keyring for the key of this installation. One that is not there yet is no fault.
pub async fn look_into_keyring(device: &str) -> Result<(), SignInFailure> {
    crate::vault::keyring_answers(device.to_owned()).await.map_err(|trouble| trouble.failure())
}
