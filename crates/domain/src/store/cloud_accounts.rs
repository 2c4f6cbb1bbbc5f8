//! What a device knows of its accounts at its cloud, and the edits it still owes there.

use usher_wire::{Timestamp, UserProfile};

use super::tx::Row;
use super::{Tx, Work};
use crate::queued::QueuedEdit;

/// An account of this device as its cloud knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudAccount {
    /// The account here.
    pub user_id: String,
    /// What tells this sign-in from the person's others (`Usher-Session`).
    pub session: String,
    /// The profile as the cloud showed it last; `None` before the first contact.
    pub shown: Option<UserProfile>,
    /// When the cloud was last heard of.
    pub checked_in_at: Option<Timestamp>,
}

/// An edit that waits for the cloud.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Where it stands in the line.
    pub place: i64,
    /// What tells it from every other (`Idempotency-Key`).
    pub id: String,
    /// What it changes.
    pub edit: QueuedEdit,
}

const COLUMNS: &str = "user_id, session, document, checked_in_at";

fn read(row: &Row<'_>) -> Work<CloudAccount> {
    let (document, checked_in_at): (Option<String>, Option<i64>) = (row.get(2)?, row.get(3)?);
    Ok(CloudAccount {
        user_id: row.get(0)?,
        session: row.get(1)?,
        shown: document.map(|document| serde_json::from_str(&document)).transpose()?,
        checked_in_at: checked_in_at.and_then(|millis| Timestamp::from_millis(millis).ok()),
    })
}

impl Tx<'_> {
    /// What is known of this account at the cloud.
    pub fn cloud_account(&self, user: &str) -> Work<Option<CloudAccount>> {
        self.row(&format!("SELECT {COLUMNS} FROM cloud_accounts WHERE user_id = $1"), &[&user], read)
    }

    /// All of them.
    pub fn cloud_accounts(&self) -> Work<Vec<CloudAccount>> {
        self.rows(&format!("SELECT {COLUMNS} FROM cloud_accounts ORDER BY user_id"), &[], read)
    }

    /// Notes what is known.
    pub fn put_cloud_account(&self, account: &CloudAccount) -> Work<()> {
        let sql = "INSERT INTO cloud_accounts (user_id, session, document, checked_in_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (user_id) DO UPDATE SET session = excluded.session, document = excluded.document,
                   checked_in_at = excluded.checked_in_at";
        let document = account.shown.as_ref().map(serde_json::to_string).transpose()?;
        let checked_in_at = account.checked_in_at.map(Timestamp::as_millis);
        self.execute(sql, &[&account.user_id, &account.session, &document, &checked_in_at])?;
        Ok(())
    }

    /// The edits the cloud has not acknowledged, in their order.
    pub fn queued_edits(&self, user: &str) -> Work<Vec<Queued>> {
        let sql = "SELECT place, id, members FROM queued_edits WHERE user_id = $1 ORDER BY place";
        self.rows(sql, &[&user], |row| Ok(Queued { place: row.get(0)?, id: row.get(1)?, edit: row.json(2)? }))
    }

    /// Adds an edit behind the others, told from them by `id`.
    pub fn queue_edit(&self, user: &str, id: &str, edit: &QueuedEdit) -> Work<()> {
        let place = self.queued_edits(user)?.last().map_or(1, |last| last.place + 1);
        let members = serde_json::to_string(edit)?;
        let sql = "INSERT INTO queued_edits (user_id, place, id, members) VALUES ($1, $2, $3, $4)";
        self.execute(sql, &[&user, &place, &id, &members])?;
        Ok(())
    }

    /// The edit at this place is acknowledged, or will never be.
    pub fn delete_queued_edit(&self, user: &str, place: i64) -> Work<()> {
        self.execute("DELETE FROM queued_edits WHERE user_id = $1 AND place = $2", &[&user, &place])?;
        Ok(())
    }
}
