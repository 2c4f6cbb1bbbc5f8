//! Accounts that their owners asked to delete, and what became of that.

use usher_wire::Timestamp;

use super::tx::Row;
use super::{Tx, Work};

/// A request to delete an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Whose account.
    pub user_id: String,
    /// Id of its receipt.
    pub receipt: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it is done, unless the person comes back before.
    pub due_at: Timestamp,
}

/// What became of a request. Names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its id, which only who asked was told.
    pub id: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it is, or was to be, done.
    pub due_at: Timestamp,
    /// When it was done or taken back.
    pub ended_at: Option<Timestamp>,
    /// Its state, as the API spells it.
    pub state: String,
}

fn deletion(row: &Row<'_>) -> Work<Deletion> {
    Ok(Deletion {
        user_id: row.get(0)?,
        receipt: row.get(1)?,
        requested_at: row.moment(2)?,
        due_at: row.moment(3)?,
    })
}

impl Tx<'_> {
    /// The request of this person, if there is one.
    pub fn deletion(&self, user: &str) -> Work<Option<Deletion>> {
        let sql = "SELECT user_id, receipt, requested_at, due_at FROM deletions WHERE user_id = $1";
        self.row(sql, &[&user], deletion)
    }

    /// Up to a hundred requests whose time has come.
    pub fn due_deletions(&self, now: Timestamp) -> Work<Vec<Deletion>> {
        let sql = "SELECT user_id, receipt, requested_at, due_at FROM deletions
                   WHERE due_at <= $1 ORDER BY due_at LIMIT 100";
        self.rows(sql, &[&now.as_millis()], deletion)
    }

    /// Takes a request down, with its receipt in this state.
    pub fn insert_deletion(&self, asked: &Deletion, state: &str) -> Work<()> {
        let (requested_at, due_at) = (asked.requested_at.as_millis(), asked.due_at.as_millis());
        let sql = "INSERT INTO deletions (user_id, receipt, requested_at, due_at) VALUES ($1, $2, $3, $4)";
        self.execute(sql, &[&asked.user_id, &asked.receipt, &requested_at, &due_at])?;
        let sql = "INSERT INTO receipts (id, requested_at, due_at, state) VALUES ($1, $2, $3, $4)";
        self.execute(sql, &[&asked.receipt, &requested_at, &due_at, &state])?;
        Ok(())
    }

    /// Forgets a request; false when it was not there. Its receipt stays, in this state.
    pub fn end_deletion(&self, asked: &Deletion, state: &str, now: Timestamp) -> Work<bool> {
        let sql = "DELETE FROM deletions WHERE user_id = $1 AND receipt = $2";
        let was_there = self.execute(sql, &[&asked.user_id, &asked.receipt])? > 0;
        if was_there {
            let sql = "UPDATE receipts SET state = $1, ended_at = $2 WHERE id = $3";
            self.execute(sql, &[&state, &now.as_millis(), &asked.receipt])?;
        }
        Ok(was_there)
    }

    /// What became of a request.
    pub fn receipt(&self, id: &str) -> Work<Option<Receipt>> {
        let sql = "SELECT id, requested_at, due_at, ended_at, state FROM receipts WHERE id = $1";
        self.row(sql, &[&id], |row| {
            let ended_at: Option<i64> = row.get(3)?;
            Ok(Receipt {
                id: row.get(0)?,
                requested_at: row.moment(1)?,
                due_at: row.moment(2)?,
                ended_at: ended_at.and_then(|millis| Timestamp::from_millis(millis).ok()),
                state: row.get(4)?,
            })
        })
    }

    /// Takes down that whoever this digest stands for is gone.
    pub fn insert_departed(&self, key: &str, now: Timestamp) -> Work<()> {
        let sql = "INSERT INTO departed (key, left_at) VALUES ($1, $2)
                   ON CONFLICT (key) DO UPDATE SET left_at = excluded.left_at";
        self.execute(sql, &[&key, &now.as_millis()])?;
        Ok(())
    }

    /// When whoever this digest stands for went, in milliseconds since 1970.
    pub fn departed(&self, key: &str) -> Work<Option<i64>> {
        self.row("SELECT left_at FROM departed WHERE key = $1", &[&key], |row| row.get(0))
    }

    /// Forgets who went before this moment, in milliseconds since 1970.
    pub fn forget_departed(&self, before: i64) -> Work<()> {
        self.execute("DELETE FROM departed WHERE left_at < $1", &[&before])?;
        Ok(())
    }
}
