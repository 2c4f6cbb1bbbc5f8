//! The Usher API for many users: callers come with tokens of an identity provider, and everything is in a database that
//! any number of nodes share.
//!
//! A node keeps nothing that another one could miss. A change is told to the others (`fanout`) as "this person is at this
//! revision"; whoever has streams of that person open reads the row again, and asks from time to time all the same.

mod api;
mod authority;
mod deletion;
mod departed;
mod entities;
mod fanout;
mod hub;
mod presents;
mod sessions;
mod settings;
mod streams;
mod users;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use usher_domain::ambient::Ambient;
use usher_domain::store::{Database, OpenError, Shown, Tx, Visitor, Work};
use usher_wire::{Code, Error, Result};

use crate::authority::Authority;
use crate::fanout::Fanout;
use crate::hub::Hub;
use crate::presents::Presents;

pub use crate::fanout::check_nats;
pub use crate::settings::Settings;
pub use usher_domain::store::Place;

/// `UserApi` for many users. Answers health checks before [`Cloud::open`] has finished.
#[derive(Clone)]
pub struct Cloud(Arc<Inner>);

struct Inner {
    settings: Settings,
    ambient: Ambient,
    authority: Authority,
    hub: Hub,
    presents: Presents,
    fanout: Fanout,
    node: String,
    database: OnceLock<Database>,
}

impl Cloud {
    /// One node of a cloud. Nothing is opened before [`Cloud::open`].
    pub fn new(settings: Settings, ambient: Ambient) -> Self {
        Self(Arc::new(Inner {
            authority: Authority::new(&settings, ambient.clone()),
            node: ambient.uuid().to_string(),
            hub: Hub::default(),
            presents: Presents::default(),
            fanout: Fanout::new(settings.nats.clone()),
            database: OnceLock::new(),
            settings,
            ambient,
        }))
    }

    /// Opens the database, migrating it if needed. Call once.
    pub async fn open(&self) -> Result<(), OpenError> {
        let place = self.0.settings.place.clone();
        let opening = tokio::task::spawn_blocking(move || Database::open(&place));
        let database = opening.await.map_err(|error| OpenError::Server { reason: error.to_string() })??;
        // Only a second call could find it set, and then the first one's database is as good.
        drop(self.0.database.set(database));
        Ok(())
    }

    /// Hears of changes at other nodes, looks for missed ones, and does what is due, until the future is dropped.
    pub async fn keep(&self) {
        tokio::join!(self.hear(), self.look(), self.delete_due());
    }

    /// Whether requests can be answered: the database is open and answers within a second.
    pub async fn ready(&self) -> Result<()> {
        let asked = self.read(|tx| tx.schema_is_there());
        match tokio::time::timeout(Duration::from_secs(1), asked).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::new(Code::NotReady, "the database does not answer")),
        }
    }

    fn database(&self) -> Result<&Database> {
        self.0
            .database
            .get()
            .ok_or_else(|| Error::new(Code::NotReady, "the cloud is still starting: try again in a moment"))
    }

    async fn shown(&self, user: &str) -> Result<Option<Shown>> {
        counted("read", self.database()?.shown(user)).await
    }

    async fn visitor(&self, issuer: &str, subject: &str, session: &str) -> Result<Option<Visitor>> {
        counted("read", self.database()?.visitor(issuer, subject, session)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        counted("write", self.database()?.write(work)).await
    }

    async fn read<T: Send + 'static>(&self, work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static) -> Result<T> {
        counted("read", self.database()?.read(work)).await
    }

    /// The same on the state of one moment.
    async fn read_at_once<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        counted("read", self.database()?.snapshot(work)).await
    }
}

/// Work in the database, with the time it took written down.
async fn counted<T>(kind: &'static str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let outcome = work.await;
    metrics::histogram!("usher_store_seconds", "kind" => kind).record(begun.elapsed().as_secs_f64());
    outcome
}
