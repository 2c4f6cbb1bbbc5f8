//! Who belongs to which organisation or team by his own joining, beyond what a policy file lists.

use super::{Tx, Work};

impl Tx<'_> {
    /// The entities this user joined.
    pub fn memberships(&self, user: &str) -> Work<Vec<String>> {
        let sql = "SELECT entity_id FROM memberships WHERE user_id = $1 ORDER BY entity_id";
        self.rows(sql, &[&user], |row| row.get(0))
    }

    /// Joins; a member stays one.
    pub fn insert_membership(&self, user: &str, entity: &str) -> Work<()> {
        let sql = "INSERT INTO memberships (user_id, entity_id) VALUES ($1, $2)
                   ON CONFLICT (user_id, entity_id) DO NOTHING";
        self.execute(sql, &[&user, &entity])?;
        Ok(())
    }

    /// Leaves; who is no member stays none.
    pub fn delete_membership(&self, user: &str, entity: &str) -> Work<()> {
        let sql = "DELETE FROM memberships WHERE user_id = $1 AND entity_id = $2";
        self.execute(sql, &[&user, &entity])?;
        Ok(())
    }
}
