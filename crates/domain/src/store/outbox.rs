//! What is owed to identity providers: written in the transaction that causes it, done later, as often as it takes.

use rusqlite::{Row, params};
use usher_wire::Timestamp;

use super::{Session, Tx, Work};

/// A session that ended here and whose tokens the provider is to be asked to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Id of this debt.
    pub id: String,
    /// The session as it was.
    pub session: Session,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is to be tried next.
    pub due_at: Timestamp,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Owed> {
    let millis: i64 = row.get(6)?;
    let session = Session {
        user_id: row.get(1)?,
        issuer: row.get(2)?,
        key_store: row.get(3)?,
        tokens: row.get(4)?,
        refresh_at: None,
    };
    let due_at =
        Timestamp::from_millis(millis).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(6, millis))?;
    Ok(Owed { id: row.get(0)?, session, attempts: row.get(5)?, due_at })
}

impl Tx<'_> {
    /// Everything owed, the most pressing first.
    pub fn owed(&self) -> Work<Vec<Owed>> {
        let sql =
            "SELECT id, user_id, issuer, key_store, tokens, attempts, due_at FROM outbox ORDER BY due_at, id";
        let owed = self.0.prepare_cached(sql)?.query_map([], read)?.collect::<Result<_, _>>()?;
        Ok(owed)
    }

    /// Owes something, or changes when and how often it is tried.
    pub fn put_owed(&self, owed: &Owed) -> Work<()> {
        let sql = "INSERT INTO outbox (id, user_id, issuer, key_store, tokens, attempts, due_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (id) DO UPDATE SET attempts = excluded.attempts, due_at = excluded.due_at";
        let Owed { id, session, attempts, due_at } = owed;
        let Session { user_id, issuer, key_store, tokens, refresh_at: _ } = session;
        let row = params![id, user_id, issuer, key_store, tokens, attempts, due_at.as_millis()];
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// It is done, or given up.
    pub fn delete_owed(&self, id: &str) -> Work<()> {
        self.0.prepare_cached("DELETE FROM outbox WHERE id = $1")?.execute([id])?;
        Ok(())
    }
}
