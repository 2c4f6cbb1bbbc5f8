//! What is kept on disk. [`Store`] owns a database of one process: one thread writes, grouping what has queued into one
//! durable commit; readers see committed state. [`Database`] is that or PostgreSQL. The statements stand beside them, one
//! file for each noun, and are the same text for both.

mod accounts;
mod applications;
mod cloud_accounts;
mod database;
mod deletions;
mod entities;
mod fault;
mod memberships;
mod migrate;
mod outbox;
mod pipeline;
mod postgres;
mod revisions;
mod sessions;
mod trust;
mod tx;
mod user_sessions;
mod users;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use usher_wire::{Code, Error, Result};

pub use accounts::{Account, Device};
pub use applications::Registered;
pub use cloud_accounts::{CloudAccount, Queued};
pub use database::{Database, Place, Shown};
pub use deletions::{Deletion, Receipt};
pub use entities::StoredEntity;
pub use fault::{DatabaseError, Fault, Work};
pub use migrate::OpenError;
pub use outbox::Owed;
pub use sessions::Session;
pub use tx::Tx;
pub use user_sessions::{FOR_GOOD, UserSession};
pub use users::{User, Visitor};

/// Called in the writer after each commit, before the writes are answered, with what is now committed.
pub type Committed = Box<dyn FnMut(&Tx<'_>) -> Work<()> + Send>;

/// The database of one installation.
pub struct Store {
    // Dropped before the writer: the last connection to close folds the log into the database, and this one cannot.
    reader: Arc<Mutex<Connection>>,
    writer: writer::Writer,
}

impl Store {
    /// Opens the database at `path`, making or migrating it as needed, and starts its writer.
    ///
    /// `committed` is run after each commit. Blocks while another process holds the database.
    pub fn open(path: &Path, committed: Committed) -> std::result::Result<Self, OpenError> {
        let connection = migrate::open(path, migrate::MIGRATIONS)?;
        let reader = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|reader| {
                // The files are opened by the first question; asked later, it might find no file descriptor.
                reader.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
                Ok(reader)
            })
            .map_err(|error| OpenError::from_database(path, error))?;
        let writer = writer::Writer::start(connection, committed)
            .map_err(|fault| OpenError::Unusable { path: path.to_owned(), reason: fault.to_string() })?;
        Ok(Self { writer, reader: Arc::new(Mutex::new(reader)) })
    }

    /// Runs `work` in a transaction and answers when it is durable, or when it failed and changed nothing.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.write(work).await
    }

    /// Runs `work` on committed state, away from the threads that serve.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        let reader = Arc::clone(&self.reader);
        let read = move || work(&Tx::of_sqlite(&reader.lock().unwrap_or_else(PoisonError::into_inner)));
        match tokio::task::spawn_blocking(read).await {
            Ok(outcome) => outcome.map_err(Fault::into_error),
            Err(_) => Err(Error::new(Code::Internal, "the request failed inside the daemon: see its log")),
        }
    }
}

/// A connection with the settings every connection of this project has.
fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
