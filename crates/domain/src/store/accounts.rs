//! This device: its id, the accounts it keeps, and which one is current.

use super::tx::Row;
use super::{Tx, Work};

/// The device itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Uuid of this installation.
    pub os: String,
    /// Grows by each change of who is current, and by each start.
    pub generation: i64,
    /// Who is current.
    pub current_user_id: Option<String>,
}

/// One account of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose it is.
    pub user_id: String,
    /// Whether it only exists on this device.
    pub is_local: bool,
}

impl Tx<'_> {
    /// The device; `None` before [`Tx::insert_device`].
    pub fn device(&self) -> Work<Option<Device>> {
        let sql = "SELECT os, generation, current_user_id FROM device WHERE id = 1";
        self.row(sql, &[], |row| {
            Ok(Device { os: row.get(0)?, generation: row.get(1)?, current_user_id: row.get(2)? })
        })
    }

    /// Names the device; a device that has a name keeps it.
    pub fn insert_device(&self, os: &str) -> Work<()> {
        let sql = "INSERT INTO device (id, os, generation) VALUES (1, $1, 0) ON CONFLICT (id) DO NOTHING";
        self.execute(sql, &[&os])?;
        Ok(())
    }

    /// Begins a new generation with this account, or nobody, as the current one.
    pub fn set_current(&self, user: Option<&str>) -> Work<()> {
        let sql = "UPDATE device SET generation = generation + 1, current_user_id = $1 WHERE id = 1";
        self.execute(sql, &[&user])?;
        if let Some(user) = user {
            let sql = "UPDATE accounts SET selected_at = (SELECT generation FROM device) WHERE user_id = $1";
            self.execute(sql, &[&user])?;
        }
        Ok(())
    }

    /// Adds an account for a stored user.
    pub fn insert_account(&self, user: &str, is_local: bool) -> Work<()> {
        let sql = "INSERT INTO accounts (user_id, is_local, selected_at) VALUES ($1, $2, 0)";
        self.execute(sql, &[&user, &is_local])?;
        Ok(())
    }

    /// The account of this user.
    pub fn account(&self, user: &str) -> Work<Option<Account>> {
        let sql = "SELECT user_id, is_local FROM accounts WHERE user_id = $1";
        self.row(sql, &[&user], account)
    }

    /// All accounts, the one that was current last first.
    pub fn accounts(&self) -> Work<Vec<Account>> {
        let sql = "SELECT user_id, is_local FROM accounts ORDER BY selected_at DESC, user_id";
        self.rows(sql, &[], account)
    }

    /// The user known to an issuer by this subject.
    pub fn user_id_by_identity(&self, issuer: &str, subject: &str) -> Work<Option<String>> {
        let sql = "SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2";
        self.row(sql, &[&issuer, &subject], |row| row.get(0))
    }

    /// The names identity providers have for a user: issuer and subject.
    pub fn identities_of(&self, user: &str) -> Work<Vec<(String, String)>> {
        let sql = "SELECT issuer, subject FROM identities WHERE user_id = $1 ORDER BY issuer, subject";
        self.rows(sql, &[&user], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The user any issuer knows by this subject. What an issuer said comes before what was only told to this device.
    pub fn user_id_by_subject(&self, subject: &str) -> Work<Option<String>> {
        let sql =
            "SELECT user_id FROM identities WHERE subject = $1 ORDER BY issuer = 'local', issuer LIMIT 1";
        self.row(sql, &[&subject], |row| row.get(0))
    }

    /// Remembers that an issuer knows the user by this subject; the first claim stands. False when there was one.
    pub fn insert_identity(&self, issuer: &str, subject: &str, user: &str) -> Work<bool> {
        let sql = "INSERT INTO identities (issuer, subject, user_id) VALUES ($1, $2, $3)
                   ON CONFLICT (issuer, subject) DO NOTHING";
        Ok(self.execute(sql, &[&issuer, &subject, &user])? > 0)
    }
}

fn account(row: &Row<'_>) -> Work<Account> {
    Ok(Account { user_id: row.get(0)?, is_local: row.get(1)? })
}
