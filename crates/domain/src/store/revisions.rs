//! The last revisions of each person's writable members: the bases that stale edits are merged against.

use usher_wire::{Timestamp, UserProfile};

use super::{Tx, Work};
use crate::profile::Writable;

/// How many revisions of one person are kept.
const KEPT: i64 = 32;

impl Tx<'_> {
    /// Keeps the writable members of a revision and lets the oldest go.
    pub(super) fn keep_revision(&self, profile: &UserProfile, revision: i64, stamp: Timestamp) -> Work<()> {
        let members = serde_json::to_string(&Writable::from(profile))?;
        let sql =
            "INSERT INTO user_revisions (user_id, revision, updated_at, members) VALUES ($1, $2, $3, $4)";
        self.execute(sql, &[&profile.id, &revision, &stamp.as_millis(), &members])?;
        let sql = "DELETE FROM user_revisions WHERE user_id = $1 AND revision <= $2";
        self.execute(sql, &[&profile.id, &(revision - KEPT)])?;
        Ok(())
    }

    /// The revisions that are kept of a person, the latest first: number, writable members, and when it was made.
    pub fn revisions(&self, user: &str) -> Work<Vec<(i64, Writable, Timestamp)>> {
        let sql = "SELECT revision, members, updated_at FROM user_revisions WHERE user_id = $1 ORDER BY revision DESC";
        self.rows(sql, &[&user], |row| Ok((row.get(0)?, row.json(1)?, row.moment(2)?)))
    }

    /// The writable members of a revision; `None` when it is no longer kept, or never was.
    pub fn revision(&self, user: &str, revision: i64) -> Work<Option<Writable>> {
        let sql = "SELECT members FROM user_revisions WHERE user_id = $1 AND revision = $2";
        self.row(sql, &[&user, &revision], |row| row.json(0))
    }

    /// The writable members as they were at `stamp`; `None` when that revision is no longer kept, or never was.
    pub fn revision_at(&self, user: &str, stamp: Timestamp) -> Work<Option<Writable>> {
        let sql = "SELECT members FROM user_revisions WHERE user_id = $1 AND updated_at = $2";
        self.row(sql, &[&user, &stamp.as_millis()], |row| row.json(0))
    }
}
