//! The sessions of accounts at their identity providers. What proves them is sealed before it comes here.

use usher_wire::Timestamp;

use super::tx::Row;
use super::{Tx, Work};

/// The session of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user_id: String,
    /// The identity provider.
    pub issuer: String,
    /// Where the key is that seals the tokens.
    pub key_store: String,
    /// The tokens, sealed.
    pub tokens: Vec<u8>,
    /// When they are to be refreshed; `None` when they cannot be.
    pub refresh_at: Option<Timestamp>,
}

const COLUMNS: &str = "user_id, issuer, key_store, tokens, refresh_at";

fn read(row: &Row<'_>) -> Work<Session> {
    let refresh_at: Option<i64> = row.get(4)?;
    Ok(Session {
        user_id: row.get(0)?,
        issuer: row.get(1)?,
        key_store: row.get(2)?,
        tokens: row.get(3)?,
        refresh_at: refresh_at.and_then(|millis| Timestamp::from_millis(millis).ok()),
    })
}

impl Tx<'_> {
    /// The session of this user.
    pub fn session(&self, user: &str) -> Work<Option<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE user_id = $1");
        self.row(&sql, &[&user], read)
    }

    /// All of them, the one to be refreshed first first.
    pub fn sessions(&self) -> Work<Vec<Session>> {
        let sql = format!("SELECT {COLUMNS} FROM sessions ORDER BY refresh_at IS NULL, refresh_at, user_id");
        self.rows(&sql, &[], read)
    }

    /// Begins a session, or replaces the one the user had.
    pub fn put_session(&self, session: &Session) -> Work<()> {
        let sql = "INSERT INTO sessions (user_id, issuer, key_store, tokens, refresh_at) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (user_id) DO UPDATE SET issuer = excluded.issuer, key_store = excluded.key_store,
                   tokens = excluded.tokens, refresh_at = excluded.refresh_at";
        let refresh_at = session.refresh_at.map(Timestamp::as_millis);
        let Session { user_id, issuer, key_store, tokens, refresh_at: _ } = session;
        self.execute(sql, &[user_id, issuer, key_store, tokens, &refresh_at])?;
        Ok(())
    }

    /// Ends a session.
    pub fn delete_session(&self, user: &str) -> Work<bool> {
        Ok(self.execute("DELETE FROM sessions WHERE user_id = $1", &[&user])? > 0)
    }
}
