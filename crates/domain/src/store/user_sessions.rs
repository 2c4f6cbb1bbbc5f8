//! The sessions of people in a cloud: one for each device or program that came with a token.

use usher_wire::Timestamp;

use super::tx::Row;
use super::{Tx, Work};

/// `refused_before` of a session that was ended for good.
pub const FOR_GOOD: i64 = i64::MAX;

/// One session of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSession {
    /// What tells it from the person's others.
    pub id: String,
    /// Whose tokens it comes with.
    pub issuer: String,
    /// What the program calls itself.
    pub agent: Option<String>,
    /// When it was seen first.
    pub created_at: Timestamp,
    /// When it was seen last, to some minutes.
    pub seen_at: Timestamp,
    /// Tokens that were issued by then are refused; milliseconds since 1970.
    pub refused_before: Option<i64>,
}

fn read(row: &Row<'_>) -> Work<UserSession> {
    Ok(UserSession {
        id: row.get(0)?,
        issuer: row.get(1)?,
        agent: row.get(2)?,
        created_at: row.moment(3)?,
        seen_at: row.moment(4)?,
        refused_before: row.get(5)?,
    })
}

/// The sessions of a person ($1) whose tokens are refused.
pub(super) const REFUSED: &str = "SELECT id, refused_before FROM user_sessions
    WHERE user_id = $1 AND refused_before IS NOT NULL ORDER BY id";

/// What [`REFUSED`] finds: a session, and when tokens must be younger than to be accepted; milliseconds since 1970.
pub(super) fn refused(row: &Row<'_>) -> Work<(String, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

impl Tx<'_> {
    /// A person's sessions, the one seen last first.
    pub fn user_sessions(&self, user: &str) -> Work<Vec<UserSession>> {
        let sql = "SELECT id, issuer, agent, created_at, seen_at, refused_before FROM user_sessions
                   WHERE user_id = $1 ORDER BY seen_at DESC, id";
        self.rows(sql, &[&user], read)
    }

    /// Writes down that a session was seen, from its first time on.
    pub fn see_session(
        &self,
        user: &str,
        id: &str,
        issuer: &str,
        agent: Option<&str>,
        now: Timestamp,
    ) -> Work<()> {
        let sql = "INSERT INTO user_sessions (user_id, id, issuer, agent, created_at, seen_at)
                   VALUES ($1, $2, $3, $4, $5, $5)
                   ON CONFLICT (user_id, id) DO UPDATE SET seen_at = excluded.seen_at, agent = excluded.agent";
        self.execute(sql, &[&user, &id, &issuer, &agent, &now.as_millis()])?;
        Ok(())
    }

    /// Refuses the tokens of a session that were issued by `before`. False when there is no such session.
    pub fn refuse_session(&self, user: &str, id: &str, before: i64) -> Work<bool> {
        let sql = "UPDATE user_sessions SET refused_before = $3
                   WHERE user_id = $1 AND id = $2 AND COALESCE(refused_before, 0) < $3";
        if self.execute(sql, &[&user, &id, &before])? > 0 {
            return Ok(true);
        }
        let sql = "SELECT id FROM user_sessions WHERE user_id = $1 AND id = $2";
        Ok(self.row(sql, &[&user, &id], |_| Ok(()))?.is_some())
    }

    /// The same for all sessions of a person.
    pub fn refuse_sessions(&self, user: &str, before: i64) -> Work<()> {
        let sql = "UPDATE user_sessions SET refused_before = $2
                   WHERE user_id = $1 AND COALESCE(refused_before, 0) < $2";
        self.execute(sql, &[&user, &before])?;
        Ok(())
    }

    /// The sessions of a person that were ended, and by when their tokens are refused.
    pub fn refused_sessions(&self, user: &str) -> Work<Vec<(String, i64)>> {
        self.rows(REFUSED, &[&user], refused)
    }

    /// Notes which edit a device of this session pushes. False when that is the one it pushed last, if only before it
    /// signed in anew.
    pub fn note_push(&self, user: &str, session: &str, device: &str, id: &str) -> Work<bool> {
        let sql = "INSERT INTO pushed_edits (user_id, session_id, device, id)
                   SELECT $1, $2, $3, $4
                   WHERE NOT EXISTS (SELECT 1 FROM pushed_edits WHERE user_id = $1 AND id = $4)
                   ON CONFLICT (user_id, session_id, device) DO UPDATE SET id = excluded.id
                   WHERE pushed_edits.id <> excluded.id";
        Ok(self.execute(sql, &[&user, &session, &device, &id])? > 0)
    }

    /// Accepts tokens of a session again that were issued at this time or later, unless it was ended for good.
    pub fn accept_session(&self, user: &str, id: &str, issued_at: i64) -> Work<()> {
        let sql = "UPDATE user_sessions SET refused_before = $3
                   WHERE user_id = $1 AND id = $2 AND refused_before > $3 AND refused_before <> $4";
        self.execute(sql, &[&user, &id, &(issued_at - 1), &FOR_GOOD])?;
        Ok(())
    }

    /// Forgets sessions that were not seen since then, and those beyond so many. What is still to be refused stays.
    pub fn forget_sessions(&self, user: &str, seen_before: Timestamp, most: i64) -> Work<()> {
        let sql = "DELETE FROM user_sessions
                   WHERE user_id = $1 AND (refused_before IS NULL OR refused_before < $2) AND (seen_at < $2
                       OR seen_at < (SELECT seen_at FROM user_sessions WHERE user_id = $1 AND refused_before IS NULL
                                     ORDER BY seen_at DESC LIMIT 1 OFFSET $3))";
        self.execute(sql, &[&user, &seen_before.as_millis(), &most])?;
        Ok(())
    }
}
