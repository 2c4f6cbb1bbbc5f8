//! What is kept on disk. [`Store`] owns the database: one thread writes, grouping what has queued into one durable
//! commit; readers see committed state. The statements stand beside it, one file for each noun.

mod accounts;
mod applications;
mod memberships;
mod migrate;
mod outbox;
mod revisions;
mod sessions;
mod trust;
mod users;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use usher_wire::{Code, Error, Result};

pub use accounts::{Account, Device};
pub use applications::Registered;
pub use migrate::OpenError;
pub use outbox::Owed;
pub use sessions::Session;
pub use users::User;

/// An open transaction: what the statements of this module are methods of.
///
/// Work inside one is synchronous on purpose: nobody can hold it over a call to the outside.
pub struct Tx<'c>(&'c Connection);

/// What ends a piece of work: a condition for the caller, or a fault of the database for the log.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The rule said no.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The database said no.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    /// A row does not hold what this version writes.
    #[error("a stored document cannot be read: {0}")]
    Document(#[from] serde_json::Error),
}

/// The result of a piece of work in a transaction.
pub type Work<T> = std::result::Result<T, Fault>;

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
        let read = move || work(&Tx(&reader.lock().unwrap_or_else(PoisonError::into_inner)));
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

impl Fault {
    /// What the caller hears. A fault of the database is logged here, once, and told without its words.
    fn into_error(self) -> Error {
        let message = match &self {
            Fault::Refused(error) => return error.clone(),
            Fault::Document(_) => {
                "a stored record cannot be read: restore a backup, or move the database away"
            }
            Fault::Database(error) => match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => {
                    "the disk that holds the data directory is full: free some space and try again"
                }
                Some(
                    rusqlite::ErrorCode::ReadOnly
                    | rusqlite::ErrorCode::PermissionDenied
                    | rusqlite::ErrorCode::CannotOpen
                    | rusqlite::ErrorCode::SystemIoFailure,
                ) => {
                    "the data directory cannot be written: check the disk and its permissions, then try again"
                }
                _ => "the change could not be stored: see the daemon's log",
            },
        };
        tracing::error!(error = %self, "store failed");
        Error::new(Code::Internal, message)
    }
}
