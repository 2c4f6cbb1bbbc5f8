//! What is owed to identity providers: written in the transaction that causes it, done later, as often as it takes.

use usher_wire::Timestamp;

use super::tx::Row;
use super::{Session, Tx, Work};

/// A session that ended here and whose tokens the provider is to be asked to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Id of this debt.
    pub id: String,
    /// The session as it was.
    pub session: Session,
    /// The session to end at the cloud as well.
    pub cloud_session: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is to be tried next.
    pub due_at: Timestamp,
}

fn read(row: &Row<'_>) -> Work<Owed> {
    let session = Session {
        user_id: row.get(1)?,
        issuer: row.get(2)?,
        key_store: row.get(3)?,
        tokens: row.get(4)?,
        refresh_at: None,
    };
    Ok(Owed {
        id: row.get(0)?,
        session,
        cloud_session: row.get(7)?,
        attempts: row.get(5)?,
        due_at: row.moment(6)?,
    })
}

impl Tx<'_> {
    /// Everything owed, the most pressing first.
    pub fn owed(&self) -> Work<Vec<Owed>> {
        let sql = "SELECT id, user_id, issuer, key_store, tokens, attempts, due_at, cloud_session
             FROM outbox ORDER BY due_at, id";
        self.rows(sql, &[], read)
    }

    /// Owes something, or changes when and how often it is tried.
    pub fn put_owed(&self, owed: &Owed) -> Work<()> {
        let sql =
            "INSERT INTO outbox (id, user_id, issuer, key_store, tokens, attempts, due_at, cloud_session)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                   ON CONFLICT (id) DO UPDATE SET attempts = excluded.attempts, due_at = excluded.due_at";
        let Owed { id, session, cloud_session, attempts, due_at } = owed;
        let Session { user_id, issuer, key_store, tokens, refresh_at: _ } = session;
        self.execute(
            sql,
            &[id, user_id, issuer, key_store, tokens, attempts, &due_at.as_millis(), cloud_session],
        )?;
        Ok(())
    }

    /// It is done, or given up.
    pub fn delete_owed(&self, id: &str) -> Work<()> {
        self.execute("DELETE FROM outbox WHERE id = $1", &[&id])?;
        Ok(())
    }
}
