//! The store's bare commit rate: one 2 KB row replaced in each durable commit, with the settings of the store, on its disk.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use rusqlite::{Connection, params};

use crate::machine::{self, Side};
use crate::rounds::Sample;

/// Rows that are replaced in turn.
const ROWS: i64 = 100;
/// Writes after which a log was copied back at least once (at 1,000 pages), so that it no longer grows: appending to a file
/// takes another flush than writing over it.
pub(crate) const WORN_IN: u64 = 2_000;
/// Bytes of one.
const ROW: usize = 2048;

/// A database to commit to.
pub(crate) struct Commits {
    connection: Connection,
    document: String,
    revision: i64,
}

impl Commits {
    /// Makes the database.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("commits.db"))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
             CREATE TABLE documents (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, document TEXT NOT NULL) STRICT;",
        )?;
        let document = "a".repeat(ROW);
        for id in 0..ROWS {
            connection.execute("INSERT INTO documents VALUES (?1, 0, ?2)", params![id, document])?;
        }
        let mut commits = Self { connection, document, revision: 0 };
        for _ in 0..WORN_IN {
            commits.commit_once()?;
        }
        commits.connection.execute_batch("PRAGMA synchronous = FULL")?;
        Ok(commits)
    }

    /// Commits a second, on the server's core.
    pub(crate) fn sample(&mut self, during: Duration) -> Result<Sample> {
        std::thread::scope(|scope| {
            let committing = scope.spawn(|| {
                machine::pin(Side::Server)?;
                self.commit(during)
            });
            committing.join().map_err(|_| anyhow!("the commits ended in a panic"))?
        })
    }

    fn commit(&mut self, during: Duration) -> Result<Sample> {
        let (begin, first) = (Instant::now(), self.revision);
        while begin.elapsed() < during {
            self.commit_once()?;
        }
        let commits = (self.revision - first) as f64;
        Ok(Sample { measured: commits / begin.elapsed().as_secs_f64(), cpu: f64::NAN })
    }

    fn commit_once(&mut self) -> Result<()> {
        let sql = "UPDATE documents SET revision = ?2, document = ?3 WHERE id = ?1";
        self.revision += 1;
        let mut update = self.connection.prepare_cached(sql)?;
        let rows = update.execute(params![self.revision % ROWS, self.revision, self.document])?;
        ensure!(rows == 1, "a commit of {rows} rows");
        Ok(())
    }
}
