//! Organisations and teams of a cloud, and who belongs to them.

use usher_wire::{Code, Entity, Error, Timestamp};

use super::tx::Row;
use super::{Fault, Tx, Work};

/// The largest entity, in bytes of its document.
const LARGEST: usize = 64 * 1024;

/// An entity as stored, without its members.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntity {
    /// What is known of it.
    pub entity: Entity,
    /// Grows by each change.
    pub revision: i64,
}

fn read(row: &Row<'_>) -> Work<StoredEntity> {
    Ok(StoredEntity { entity: row.json(0)?, revision: row.get(1)? })
}

/// The entities a person ($1) belongs to.
pub(super) const ENTITIES_OF: &str = "SELECT document, revision
    FROM entities JOIN memberships ON memberships.entity_id = entities.id
    WHERE memberships.user_id = $1 ORDER BY entities.id";

/// What [`ENTITIES_OF`] finds.
pub(super) fn entity(row: &Row<'_>) -> Work<Entity> {
    Ok(read(row)?.entity)
}

/// The text of an entity. It becomes a part of the profile of each member.
fn document(entity: &Entity) -> Work<String> {
    let text = serde_json::to_string(entity)?;
    if text.len() <= LARGEST {
        return Ok(text);
    }
    let message = format!("an organisation or team takes at most {LARGEST} bytes: configure less");
    Err(Error::new(Code::TooLarge, message).into())
}

impl Tx<'_> {
    /// The entity of this id.
    pub fn entity(&self, id: &str) -> Work<Option<StoredEntity>> {
        self.row("SELECT document, revision FROM entities WHERE id = $1", &[&id], read)
    }

    /// The entities a person belongs to.
    pub fn entities_of(&self, user: &str) -> Work<Vec<Entity>> {
        self.rows(ENTITIES_OF, &[&user], entity)
    }

    /// Adds an entity.
    pub fn insert_entity(&self, entity: &Entity, now: Timestamp) -> Work<()> {
        let sql = "INSERT INTO entities (id, document, revision, updated_at) VALUES ($1, $2, 1, $3)";
        let document = document(entity)?;
        self.execute(sql, &[&entity.id, &document, &now.as_millis()])?;
        Ok(())
    }

    /// Stores a changed entity as the next revision.
    pub fn update_entity(&self, last: &StoredEntity, entity: &Entity, now: Timestamp) -> Work<()> {
        let sql = "UPDATE entities SET document = $1, revision = revision + 1, updated_at = $2
                   WHERE id = $3 AND revision = $4";
        let document = document(entity)?;
        match self.execute(sql, &[&document, &now.as_millis(), &entity.id, &last.revision])? {
            0 => Err(Fault::Raced),
            _ => Ok(()),
        }
    }

    /// Deletes an entity and all memberships of it.
    pub fn delete_entity(&self, id: &str) -> Work<()> {
        self.execute("DELETE FROM memberships WHERE entity_id = $1", &[&id])?;
        self.execute("DELETE FROM entities WHERE id = $1", &[&id])?;
        Ok(())
    }

    /// The members of an entity, and whether each is an admin of it.
    pub fn members(&self, entity: &str) -> Work<Vec<(String, bool)>> {
        let sql = "SELECT user_id, is_admin FROM memberships WHERE entity_id = $1 ORDER BY user_id";
        self.rows(sql, &[&entity], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Makes a member an admin.
    pub fn make_admin(&self, entity: &str, user: &str) -> Work<()> {
        let sql = "UPDATE memberships SET is_admin = TRUE WHERE entity_id = $1 AND user_id = $2";
        self.execute(sql, &[&entity, &user])?;
        Ok(())
    }
}
