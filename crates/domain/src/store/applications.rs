//! The applications that introduced themselves to this device.

use rusqlite::{OptionalExtension, params};
use usher_wire::Application;

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
        let key = params![registered.name, registered.descriptor];
        Ok(self.0.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?)
    }

    /// Whether an application has this id.
    pub fn is_application(&self, id: &str) -> Work<bool> {
        Ok(self.0.prepare_cached("SELECT 1 FROM applications WHERE id = $1")?.exists([id])?)
    }

    /// Stores what an application says of itself now.
    pub fn put_application(&self, registered: &Registered<'_>, application: &Application) -> Work<()> {
        let sql = "INSERT INTO applications (id, name, descriptor, document) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (id) DO UPDATE SET document = excluded.document";
        let document = serde_json::to_string(application)?;
        let row = params![application.id, registered.name, registered.descriptor, document];
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// All of them, by name.
    pub fn applications(&self) -> Work<Vec<Application>> {
        let sql = "SELECT document FROM applications ORDER BY name, descriptor";
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut applications = Vec::new();
        while let Some(row) = rows.next()? {
            applications.push(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())?);
        }
        Ok(applications)
    }
}
