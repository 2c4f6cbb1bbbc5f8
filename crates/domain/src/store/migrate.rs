//! Opening a database: its settings, its checks, and the migrations, which never change and only follow.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::connect;
use super::postgres::Session;

/// Written into each database of ours (`PRAGMA application_id`), so that no other file is taken for one: "Ushr".
const APPLICATION_ID: i32 = 0x5573_6872;

/// Every migration, in order; its place is its version.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_accounts.sql"),
    include_str!("../../migrations/0002_trust.sql"),
    include_str!("../../migrations/0003_sessions.sql"),
    include_str!("../../migrations/0004_cloud.sql"),
    include_str!("../../migrations/0005_cloud_device.sql"),
    include_str!("../../migrations/0006_pushes.sql"),
    include_str!("../../migrations/0007_departed.sql"),
];

/// Why a database cannot be used. The file is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer version of the software wrote it.
    #[error(
        "{path} was written by a newer version (schema {found}, this one knows {known}): install that version, or move the file away"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version found in it.
        found: usize,
        /// The newest version known here.
        known: usize,
    },
    /// It is damaged, or no database of ours.
    #[error(
        "{path} is damaged or not a database of usher ({reason}): it was kept; restore a backup or move it away"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Its address is none.
    #[error("the database cannot be used: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// A server cannot be used.
    #[error("the database cannot be used: {reason}")]
    Server {
        /// What it said.
        reason: String,
    },
    /// A newer version of the software wrote the database of a server.
    #[error(
        "the database was written by a newer version (schema {found}, this one knows {known}): install that version"
    )]
    NewerServer {
        /// The version found in it.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Another process has it.
    #[error(
        "another process uses {path}: stop that one first, or choose another --database; several nodes share a postgres:// server"
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// It cannot be opened, read or written.
    #[error("{path} cannot be used ({reason}): check the disk and the permissions of the data directory")]
    Unusable {
        /// The database.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn from_database(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, reason: "its content makes no sense".into() }
            }
            _ => Self::Unusable { path, reason: error.to_string() },
        }
    }
}

/// Opens or makes the database at `path` and brings it to the newest of `migrations`.
pub(super) fn open(path: &Path, migrations: &[&str]) -> Result<Connection, OpenError> {
    let refused = |error| OpenError::from_database(path, error);
    private_file(path)
        .map_err(|error| OpenError::Unusable { path: path.to_owned(), reason: error.to_string() })?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(refused)?;
    let version = recognise(path, &connection, migrations.len())?;
    let checked: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(refused)?;
    if checked != "ok" {
        return Err(OpenError::Damaged { path: path.to_owned(), reason: checked });
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(refused)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(refused)?;
    if version < migrations.len() {
        if version > 0 {
            back_up(path, &connection, version)?;
        }
        migrate(&mut connection, version, migrations).map_err(refused)?;
    }
    Ok(connection)
}

/// The schema version of the file: 0 for a new one. Refuses what is not ours or newer than ours.
fn recognise(path: &Path, connection: &Connection, known: usize) -> Result<usize, OpenError> {
    let pragma = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|error| OpenError::from_database(path, error))
    };
    let (application, found, pages) =
        (pragma("application_id")?, pragma("user_version")?, pragma("page_count")?);
    if pages > 0 && application != i64::from(APPLICATION_ID) {
        let reason = "another program's mark is in it".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), reason });
    }
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > known { Err(OpenError::Newer { path: path.to_owned(), found, known }) } else { Ok(found) }
}

fn migrate(connection: &mut Connection, from: usize, migrations: &[&str]) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for migration in &migrations[from..] {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", i64::try_from(migrations.len()).unwrap_or(i64::MAX))?;
    tx.commit()
}

/// Brings the database of a server to the newest of `migrations`. Many may do so at the same time: a row is the lock.
pub(super) fn migrate_server(session: &mut Session, migrations: &[&str]) -> Result<(), OpenError> {
    const MARK: &str = "SET lock_timeout = 0; SET statement_timeout = 0;
        CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL);
        INSERT INTO schema_version (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING;";
    let refused = |reason: String| OpenError::Server { reason };
    // Two that make the same table at the same moment: one of them is refused, and finds it there when it asks again.
    session
        .batch(MARK)
        .or_else(|_| session.batch(MARK))
        .map_err(|error| refused(format!("its schema cannot be made ({error})")))?;
    let migrated = session.transact(|tx| {
        let sql = "SELECT version FROM schema_version WHERE id = 1 FOR UPDATE";
        let found = tx.row(sql, &[], |row| row.get::<i64>(0))?.unwrap_or_default();
        let missing = usize::try_from(found).ok().and_then(|found| migrations.get(found..));
        for migration in missing.unwrap_or_default() {
            // The one word of a type that differs.
            tx.batch(&migration.replace(" BLOB", " BYTEA"))?;
        }
        let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
        if found < known {
            tx.execute("UPDATE schema_version SET version = $1 WHERE id = 1", &[&known])?;
        }
        Ok((found, known))
    });
    match migrated {
        Ok((found, known)) if found > known => Err(OpenError::NewerServer { found, known }),
        Ok(_) => Ok(()),
        Err(fault) => Err(refused(format!("its schema cannot be brought up to date ({fault})"))),
    }
}

/// Takes the lock beside the database: streams show only what their own process wrote, so a file is one node's at a time.
/// The lock ends with the process, however that ends.
pub(super) fn claim(path: &Path) -> Result<File, OpenError> {
    let unusable =
        |error: std::io::Error| OpenError::Unusable { path: path.to_owned(), reason: error.to_string() };
    // Whoever comes by a link means the same file.
    let mut name = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    name.push(".lock");
    let lock = private_file(Path::new(&name)).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Copies the database beside itself before the first migration of a new version touches it.
fn back_up(path: &Path, connection: &Connection, version: usize) -> Result<(), OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-schema-{}", version + 1));
    let copy = PathBuf::from(name);
    private_file(&copy)
        .map_err(|error| OpenError::Unusable { path: copy.clone(), reason: error.to_string() })?;
    connection
        .backup("main", &copy, None::<fn(rusqlite::backup::Progress)>)
        .map_err(|error| OpenError::from_database(&copy, error))
}

/// Makes the file, readable by its owner alone; the database's own side files take its permissions over.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE a (x TEXT); INSERT INTO a VALUES ('kept')";
    const SECOND: &str = "ALTER TABLE a ADD COLUMN y TEXT";

    fn text(connection: &Connection, sql: &str) -> rusqlite::Result<String> {
        connection.query_row(sql, [], |row| row.get(0))
    }

    #[test]
    fn a_new_version_migrates_and_keeps_a_copy_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.db");
        drop(open(&path, &[FIRST]).unwrap());
        let migrated = open(&path, &[FIRST, SECOND]).unwrap();
        assert_eq!(text(&migrated, "SELECT x FROM a WHERE y IS NULL").unwrap(), "kept");
        let copy = Connection::open(folder.path().join("usher.db.before-schema-2")).unwrap();
        assert_eq!(text(&copy, "SELECT x FROM a").unwrap(), "kept");
        assert!(text(&copy, "SELECT y FROM a").is_err(), "the copy has the old schema");
    }

    #[test]
    fn a_failing_migration_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.db");
        drop(open(&path, &[FIRST]).unwrap());
        assert!(open(&path, &[FIRST, "ALTER TABLE a ADD COLUMN y TEXT; SELECT * FROM nothing"]).is_err());
        assert!(text(&open(&path, &[FIRST]).unwrap(), "SELECT y FROM a").is_err());
    }

    #[test]
    fn a_newer_database_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.db");
        drop(open(&path, &[FIRST, SECOND]).unwrap());
        let refused = open(&path, &[FIRST]).unwrap_err();
        assert!(matches!(refused, OpenError::Newer { found: 2, known: 1, .. }), "{refused}");
        drop(open(&path, &[FIRST, SECOND]).unwrap());
    }

    #[test]
    fn what_is_no_database_of_ours_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usher.db");
        std::fs::write(&path, "a diary").unwrap();
        assert!(matches!(open(&path, &[FIRST]).unwrap_err(), OpenError::Damaged { .. }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a diary");
        let foreign = folder.path().join("foreign.db");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(open(&foreign, &[FIRST]).unwrap_err(), OpenError::Damaged { .. }));
    }
}
