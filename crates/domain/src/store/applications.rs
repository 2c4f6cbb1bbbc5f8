//! The applications that introduced themselves to this device.

use usher_wire::{Application, Timestamp};

use super::{Tx, Work};

/// What identifies an application to us: the same name and descriptor always get the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered<'a> {
    /// Its name.
    pub name: &'a str,
    /// What tells it from others of the name; empty where it gave nothing.
    pub descriptor: &'a str,
}

impl Tx<'_> {
    /// The id an application got when it connected first.
    pub fn application_id(&self, registered: &Registered<'_>) -> Work<Option<String>> {
        let sql = "SELECT id FROM applications WHERE name = $1 AND descriptor = $2";
        self.row(sql, &[&registered.name, &registered.descriptor], |row| row.get(0))
    }

    /// Whether the application with this id was kept from reading tokens; `None` when there is no such application.
    pub fn is_revoked(&self, id: &str) -> Work<Option<bool>> {
        let sql = "SELECT revoked_at IS NOT NULL FROM applications WHERE id = $1";
        self.row(sql, &[&id], |row| row.get(0))
    }

    /// Keeps an application from reading tokens from this moment on, or takes that back.
    pub fn set_revoked(&self, id: &str, at: Option<Timestamp>) -> Work<()> {
        let sql = "UPDATE applications SET revoked_at = $1 WHERE id = $2";
        self.execute(sql, &[&at.map(Timestamp::as_millis), &id])?;
        Ok(())
    }

    /// Stores what an application says of itself now.
    pub fn put_application(&self, registered: &Registered<'_>, application: &Application) -> Work<()> {
        let sql = "INSERT INTO applications (id, name, descriptor, document) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (id) DO UPDATE SET document = excluded.document";
        let document = serde_json::to_string(application)?;
        self.execute(sql, &[&application.id, &registered.name, &registered.descriptor, &document])?;
        Ok(())
    }

    /// All of them, by name.
    pub fn applications(&self) -> Work<Vec<Application>> {
        let sql = "SELECT document, revoked_at IS NOT NULL FROM applications ORDER BY name, descriptor";
        self.rows(sql, &[], |row| {
            let is_revoked: bool = row.get(1)?;
            Ok(Application { revoked: is_revoked.then_some(true), ..row.json(0)? })
        })
    }
}
