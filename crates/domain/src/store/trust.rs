//! Whom this device trusts, and the record of what was done.

use usher_wire::{AuditActionEnum, AuditEntry, GroupedTimestamp, Origin, OriginVerdictEnum, Timestamp};
use uuid::Uuid;

use super::tx::Row;
use super::{Tx, Work};

/// Rows of the record a device keeps; older ones go.
const KEPT: i64 = 10_000;
/// Rows a cloud keeps of one person.
const KEPT_OF_ONE: i64 = 1_000;

impl Tx<'_> {
    /// The origins somebody decided on, by name.
    pub fn origins(&self) -> Work<Vec<Origin>> {
        let sql = "SELECT origin, is_allowed, decided_at FROM origins ORDER BY origin";
        let origin = |row: &Row<'_>| {
            let verdict = if row.get(1)? { OriginVerdictEnum::Allowed } else { OriginVerdictEnum::Denied };
            Ok(Origin { origin: row.get(0)?, verdict, at: instant(row, 2)? })
        };
        self.rows(sql, &[], origin)
    }

    /// Stores a decision in the place of an earlier one.
    pub fn put_origin(&self, origin: &str, is_allowed: bool, at: Timestamp) -> Work<()> {
        let sql = "INSERT INTO origins (origin, is_allowed, decided_at) VALUES ($1, $2, $3)
                   ON CONFLICT (origin) DO UPDATE SET is_allowed = excluded.is_allowed, decided_at = excluded.decided_at";
        self.execute(sql, &[&origin, &is_allowed, &at.as_millis()])?;
        Ok(())
    }

    /// Adds an entry to the record. `id` grows with time.
    pub fn insert_audit(&self, id: Uuid, entry: &AuditEntry) -> Work<()> {
        self.append_audit(id, entry)?;
        let sql = "DELETE FROM audit WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1)";
        self.execute(sql, &[&KEPT])?;
        Ok(())
    }

    fn append_audit(&self, id: Uuid, entry: &AuditEntry) -> Work<()> {
        let sql = "INSERT INTO audit (id, at, action, user_id, application_id, origin, subject)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let (id, at) = (id.to_string(), entry.at.value.as_millis());
        let AuditEntry { user, application, origin, subject, .. } = entry;
        self.execute(sql, &[&id, &at, &entry.action.as_str(), user, application, origin, subject])?;
        Ok(())
    }

    /// Adds an entry to the record of a cloud, where each person's entries are kept for themselves.
    pub fn insert_audit_of(&self, user: &str, id: Uuid, entry: &AuditEntry) -> Work<()> {
        self.append_audit(id, entry)?;
        let sql = "DELETE FROM audit WHERE user_id = $1 AND id <=
                   (SELECT id FROM audit WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
        self.execute(sql, &[&user, &KEPT_OF_ONE])?;
        Ok(())
    }

    /// A person's part of the record, the latest first.
    pub fn audit_of(&self, user: &str) -> Work<Vec<AuditEntry>> {
        let sql = "SELECT at, action, user_id, application_id, origin, subject FROM audit
                   WHERE user_id = $1 ORDER BY id DESC";
        self.rows(sql, &[&user], entry)
    }

    /// Forgets what a person did.
    pub fn delete_audit_of(&self, user: &str) -> Work<()> {
        self.execute("DELETE FROM audit WHERE user_id = $1", &[&user])?;
        Ok(())
    }

    /// The record, the latest first.
    pub fn audit(&self) -> Work<Vec<AuditEntry>> {
        let sql = "SELECT at, action, user_id, application_id, origin, subject FROM audit ORDER BY id DESC";
        self.rows(sql, &[], entry)
    }
}

fn entry(row: &Row<'_>) -> Work<AuditEntry> {
    Ok(AuditEntry {
        at: instant(row, 0)?,
        action: AuditActionEnum::from_text(&row.get::<String>(1)?),
        user: row.get(2)?,
        application: row.get(3)?,
        origin: row.get(4)?,
        subject: row.get(5)?,
    })
}

fn instant(row: &Row<'_>, column: usize) -> Work<GroupedTimestamp> {
    Ok(row.moment(column)?.into())
}

#[cfg(test)]
mod tests {
    use super::super::migrate;
    use super::*;

    fn entry(subject: &str) -> AuditEntry {
        AuditEntry {
            at: Timestamp::from_millis(0).unwrap().into(),
            action: AuditActionEnum::OriginDenied,
            user: None,
            application: None,
            origin: None,
            subject: Some(subject.to_owned()),
        }
    }

    #[test]
    fn the_last_ten_thousand_entries_are_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let connection = migrate::open(&folder.path().join("usher.db"), migrate::MIGRATIONS).unwrap();
        let tx = Tx::of_sqlite(&connection);
        // All but one, at once: entered one by one they would take a while.
        let fill = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1)
                    INSERT INTO audit (id, at, action, subject)
                    SELECT printf('00000000-0000-7000-8000-%012x', n), n, 'TOKEN_READ', 'entry ' || n FROM number";
        connection.execute(fill, [KEPT - 1]).unwrap();
        for number in 1..=3_u128 {
            tx.insert_audit(Uuid::from_u128((1 << 120) + number), &entry(&format!("new {number}"))).unwrap();
            let record = tx.audit().unwrap();
            let subject = |entry: Option<&AuditEntry>| entry.unwrap().subject.clone().unwrap();
            assert_eq!(record.len(), 10_000);
            assert_eq!(subject(record.first()), format!("new {number}"));
            assert_eq!(subject(record.last()), format!("entry {number}"), "the oldest went");
        }
    }
}
