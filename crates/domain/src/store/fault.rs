//! What ends a piece of work in the store, and what its caller hears of it.

use tokio_postgres::error::SqlState;
use usher_wire::{Code, Error};

/// What ends a piece of work: a condition for the caller, or a fault of the database for the log.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The rule said no.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A row does not hold what this version writes.
    #[error("a stored document cannot be read: {0}")]
    Document(#[from] serde_json::Error),
    /// Somebody else changed the same at the same moment; from what is there now it may go well.
    #[error("somebody else changed the same record at the same moment")]
    Raced,
    /// A column of milliseconds holds no moment.
    #[error("a stored moment is out of range")]
    Moment,
}

/// The result of a piece of work in a transaction.
pub type Work<T> = std::result::Result<T, Fault>;

/// What a database said.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL, or what speaks like it.
    #[error("{}", chain(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// A server that does not say anything.
    #[error("the database server does not answer")]
    Silent,
}

impl DatabaseError {
    /// A unique or foreign key said no.
    pub(super) fn is_constraint_violation(&self) -> bool {
        match self {
            Self::Sqlite(error) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
            }
            Self::Postgres(error) => error.code().is_some_and(|code| code.code().starts_with("23")),
            Self::Silent => false,
        }
    }

    /// PostgreSQL keeps no text with U+0000, wherever it came from.
    fn is_no_text(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        error.code() == Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE)
    }

    fn is_transient(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        let codes = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        error.code().is_some_and(|code| codes.contains(code))
    }

    pub(super) fn is_gone(&self) -> bool {
        let error = match self {
            Self::Sqlite(_) => return false,
            Self::Silent => return true,
            Self::Postgres(error) => error,
        };
        match error.code() {
            // Connection exceptions, a server that is shutting down or not up yet, or one with too many connections.
            Some(code) => ["08", "57P", "533"].iter().any(|class| code.code().starts_with(class)),
            None => {
                error.is_closed()
                    || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
            }
        }
    }

    fn message(&self) -> &'static str {
        use rusqlite::ErrorCode;
        const STORED: &str = "the change could not be stored: see the log of the service";
        match self {
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => {
                    "the disk that holds the data directory is full: free some space and try again"
                }
                Some(
                    ErrorCode::ReadOnly
                    | ErrorCode::PermissionDenied
                    | ErrorCode::CannotOpen
                    | ErrorCode::SystemIoFailure,
                ) => {
                    "the data directory cannot be written: check the disk and its permissions, then try again"
                }
                _ => STORED,
            },
            Self::Postgres(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {
                "the database took too long and nothing changed: try again in a moment"
            }
            Self::Postgres(_) | Self::Silent if self.is_gone() => {
                "the database cannot be reached: try again in a moment"
            }
            Self::Postgres(_) | Self::Silent => STORED,
        }
    }
}

/// The error with what caused it: the outermost one only says that there was one.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl Fault {
    /// The same again may pass: two transactions were in each other's way.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Raced => true,
            Self::Database(error) => error.is_transient(),
            _ => false,
        }
    }

    /// The database is not there (any more).
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_gone())
    }

    /// What the caller hears. A fault of the database is logged here, once, and told without its words.
    pub(super) fn into_error(self) -> Error {
        let (code, message) = match &self {
            Self::Raced => (Code::TooManyRequests, "many changes meet at this record: try again in a moment"),
            Self::Refused(error) => return error.clone(),
            Self::Document(_) | Self::Moment => (
                Code::Internal,
                "a stored record cannot be read: restore a backup, or move the database away",
            ),
            Self::Database(error) if error.is_no_text() => {
                return Error::invalid_body("a text holds a character that cannot be stored (U+0000)");
            }
            Self::Database(error) if error.is_gone() => (Code::NotReady, error.message()),
            Self::Database(error) => (Code::Internal, error.message()),
        };
        tracing::error!(error = %self, "store failed");
        Error::new(code, message)
    }
}
