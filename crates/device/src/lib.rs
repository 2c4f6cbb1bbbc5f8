//! The Usher API for one machine: who is current, the accounts kept here, their applications and policies. Works
//! without any network.
//!
//! Reading asks the present state in memory; each write goes through the store, and after each commit the store says
//! what is now present (see `presence`), so memory is never ahead of the disk.

mod accounts;
mod api;
mod applications;
mod bound;
pub mod checkup;
mod cloud;
pub mod data_dir;
mod entities;
mod pkce;
mod policies;
mod presence;
mod profile;
mod session;
mod settings;
mod sign_in;
mod streams;
mod trust;
mod vault;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use usher_domain::ambient::Ambient;
use usher_domain::store::{OpenError, Store, Tx, Work};
use usher_wire::{Code, Error, Present, Result};

use crate::cloud::Cloud;
use crate::policies::Policies;
use crate::presence::Presence;
use crate::session::Sessions;
use crate::sign_in::SignIns;
use crate::trust::Trust;
use crate::vault::Vault;
use usher_issuer::{Issuer, Outbound};

pub use crate::cloud::check_cloud;
pub use crate::settings::{Identity, TokenStore};
pub use crate::sign_in::Arrivals;
pub use usher_issuer::{IssuerKind, IssuerSettings};

pub(crate) const NO_ISSUER: &str =
    "this device has no identity provider: add an `[[issuer]]` to usher.toml, or use a local account";

/// `UserApi` for one machine. Answers health checks and accepts streams before [`Device::open`] has finished.
#[derive(Clone)]
pub struct Device(Arc<Inner>);

struct Inner {
    data_dir: std::path::PathBuf,
    ambient: Ambient,
    opened: OnceLock<Opened>,
    presence: Presence,
    policies: watch::Sender<Arc<Policies>>,
    trust: Trust,
    cloud: Cloud,
    identity: Identity,
    issuers: Vec<Arc<Issuer>>,
    vault: Vault,
    sessions: Sessions,
    sign_ins: SignIns,
    flows: pkce::Flows,
}

/// What exists once the store is open.
struct Opened {
    store: Store,
    os: String,
}

impl Device {
    /// A device of local accounts that keeps its data in `data_dir`. Nothing is read before [`Device::open`].
    pub fn new(data_dir: &Path, ambient: Ambient) -> Self {
        Self::with_identity(data_dir, ambient, Identity::default())
    }

    /// The same, where people can sign in with the providers of `identity`, too.
    pub fn with_identity(data_dir: &Path, ambient: Ambient, identity: Identity) -> Self {
        let http = Arc::new(Outbound::new(identity.issuer_within));
        let issuers = identity.issuers.iter().cloned();
        Self(Arc::new(Inner {
            data_dir: data_dir.to_owned(),
            vault: Vault::new(identity.token_store, data_dir, ambient.clone()),
            ambient,
            opened: OnceLock::new(),
            presence: Presence::default(),
            policies: watch::Sender::default(),
            trust: Trust::default(),
            issuers: issuers.map(|settings| Arc::new(Issuer::new(settings, Arc::clone(&http)))).collect(),
            cloud: Cloud::new(identity.cloud.clone()),
            identity,
            sessions: Sessions::default(),
            sign_ins: SignIns::default(),
            flows: pkce::Flows::default(),
        }))
    }

    /// The configured provider with this id.
    fn issuer(&self, id: &str) -> Option<&Arc<Issuer>> {
        self.0.issuers.iter().find(|issuer| issuer.settings.id() == id)
    }

    /// Opens the store, migrating it if needed, and begins a new generation. Call once; it works away from the
    /// threads that serve, for a migration may take its time.
    pub async fn open(&self) -> Result<(), OpenError> {
        let path = self.0.data_dir.join("usher.db");
        let publish = {
            let (inner, runtime) = (Arc::downgrade(&self.0), tokio::runtime::Handle::current());
            Box::new(move |tx: &Tx<'_>| {
                // Only a device that nobody holds any more is gone, and then nobody asks it.
                let Some(inner) = inner.upgrade() else { return Ok(()) };
                let policies = Arc::clone(&inner.policies.borrow());
                // Who may call must not depend on whether the account can be read.
                let trusted = inner.trust.publish(tx);
                let published = inner.presence.publish(tx, &policies).and(trusted);
                // Told by the runtime itself, after the answers: what wakes there from outside waits in one line.
                let later = Arc::downgrade(&inner);
                runtime.spawn(async move {
                    tokio::task::yield_now().await;
                    later.upgrade().iter().for_each(|inner| inner.presence.tell());
                });
                published
            })
        };
        let opening = {
            let (device, path) = (self.clone(), path.clone());
            tokio::task::spawn_blocking(move || {
                let policies =
                    Policies::load(&device.0.data_dir, &Policies::default(), device.0.ambient.now());
                device.0.policies.send_replace(Arc::new(policies));
                Store::open(&path, publish)
            })
        };
        let unusable = |reason: String| OpenError::Unusable { path: path.clone(), reason };
        let store = opening.await.map_err(|error| unusable(error.to_string()))??;
        let new_os = self.0.ambient.uuid().to_string();
        let device = self.clone();
        let begun = store.write(move |tx| {
            device.0.trust.load(tx)?;
            begin(tx, &new_os)
        });
        let os = begun.await.map_err(|error| unusable(error.message))?;
        // Only a second call could find it set, and then the first one's store is as good.
        drop(self.0.opened.set(Opened { store, os }));
        self.recall_clouds().await.map_err(|error| unusable(error.message))?;
        Ok(())
    }

    /// Keeps policies in step with their folder until the future is dropped.
    pub async fn watch_policies(&self) {
        policies::watch(self).await;
    }

    fn opened(&self) -> Result<&Opened> {
        self.0
            .opened
            .get()
            .ok_or_else(|| Error::new(Code::NotReady, "the daemon is still starting: try again in a moment"))
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.opened()?.store.write(work).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.opened()?.store.read(work).await
    }

    /// The present state. `not_ready` until the store is open.
    fn present(&self) -> Result<Arc<Present>> {
        self.opened()?;
        self.0.presence.now().ok_or_else(|| Error::new(Code::NotReady, "the daemon is still starting"))
    }
}

/// Names the device at its first start, and begins a generation, so that an `ETag` of an earlier run never matches.
fn begin(tx: &Tx<'_>, new_os: &str) -> Work<String> {
    tx.insert_device(new_os)?;
    let current = tx.device()?.and_then(|device| device.current_user_id);
    // An account that cannot be read must stop the start here, before anything is written.
    current.as_deref().map(|id| tx.user(id)).transpose()?;
    tx.set_current(current.as_deref())?;
    Ok(tx.device()?.map(|device| device.os).unwrap_or_default())
}
