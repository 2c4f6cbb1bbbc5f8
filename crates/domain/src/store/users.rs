//! People: the profile document, its revision, and what finds it.

use usher_wire::{Code, Error, Timestamp, UserProfile};

use super::tx::{Row, Value};
use super::{Fault, Tx, Work};
use crate::beta::Beta;
use crate::profile::next_stamp;

/// A person as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The profile, without what is composed at reading.
    pub profile: UserProfile,
    /// Opted in to what.
    pub beta: Beta,
    /// Grows by each change.
    pub revision: i64,
    /// The stamp of that revision, which is also `profile.updated`.
    pub updated_at: Timestamp,
}

/// The person of an id ($1).
pub(super) const USER: &str = "SELECT document, beta, revision, updated_at FROM users WHERE id = $1";

/// What [`USER`] finds.
pub(super) fn read(row: &Row<'_>) -> Work<User> {
    Ok(User { profile: row.json(0)?, beta: row.json(1)?, revision: row.get(2)?, updated_at: row.moment(3)? })
}

/// A person who asks a cloud, with what may speak against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Visitor {
    /// Id of the person.
    pub id: String,
    /// The present revision.
    pub revision: i64,
    /// When this session was seen last; `None` when it is new.
    pub seen_at: Option<Timestamp>,
    /// Tokens of this session that were issued by then are refused; milliseconds since 1970.
    pub refused_before: Option<i64>,
    /// When the person asked to be deleted.
    pub leaves_since: Option<i64>,
    /// The stamp of the present revision; milliseconds since 1970.
    pub updated_at: i64,
}

/// The person an issuer ($1) knows by a subject ($2), in a session of his ($3).
pub(super) const VISITOR: &str =
    "SELECT users.id, revision, seen_at, refused_before, requested_at, users.updated_at
    FROM identities JOIN users ON users.id = identities.user_id
    LEFT JOIN user_sessions ON user_sessions.user_id = users.id AND user_sessions.id = $3
    LEFT JOIN deletions ON deletions.user_id = users.id
    WHERE identities.issuer = $1 AND identities.subject = $2";

/// What [`VISITOR`] finds.
pub(super) fn visitor(row: &Row<'_>) -> Work<Visitor> {
    let seen_at: Option<i64> = row.get(2)?;
    Ok(Visitor {
        id: row.get(0)?,
        revision: row.get(1)?,
        seen_at: seen_at.and_then(|millis| Timestamp::from_millis(millis).ok()),
        refused_before: row.get(3)?,
        leaves_since: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

impl Tx<'_> {
    /// The person an issuer knows by this subject, in this session of his.
    pub fn visitor(&self, issuer: &str, subject: &str, session: &str) -> Work<Option<Visitor>> {
        self.row(VISITOR, &[&issuer, &subject, &session], visitor)
    }

    /// Fails where nothing can be read.
    pub fn schema_is_there(&self) -> Work<()> {
        self.row("SELECT 1 FROM users LIMIT 1", &[], |_| Ok(())).map(drop)
    }

    /// The person of this id.
    pub fn user(&self, id: &str) -> Work<Option<User>> {
        self.row(USER, &[&id], read)
    }

    /// Whether somebody else than `but` has this user name, in any case.
    pub fn username_is_taken(&self, username: &str, but: &str) -> Work<bool> {
        let sql = "SELECT 1 FROM users WHERE username = $1 AND id <> $2";
        Ok(self.row(sql, &[&username.to_lowercase(), &but], |_| Ok(()))?.is_some())
    }

    /// Adds a person and the first revision. `taken` when the user name is somebody's.
    pub fn insert_user(&self, profile: &UserProfile, now: Timestamp) -> Work<()> {
        let sql = "INSERT INTO users (id, document, beta, revision, updated_at, username, email)
                   VALUES ($1, $2, $3, 1, $4, $5, $6)";
        let document = serde_json::to_string(profile)?;
        let (username, email) = (lower(&profile.username), lower(&profile.email));
        self.execute(sql, &[&profile.id, &document, &"{}", &now.as_millis(), &username, &email])
            .map_err(|error| taken(error, profile))?;
        self.keep_revision(profile, 1, now)
    }

    /// Stores a changed profile as the next revision, stamps it, and answers it. `taken` as at insertion.
    pub fn update_user(
        &self,
        last: &User,
        mut profile: UserProfile,
        beta: Beta,
        now: Timestamp,
    ) -> Work<User> {
        let updated_at = next_stamp(last.updated_at, now);
        let revision = last.revision + 1;
        profile.updated = Some(updated_at.into());
        let sql = "UPDATE users SET document = $1, beta = $2, revision = $3, updated_at = $4, username = $5, email = $6
                   WHERE id = $7 AND revision = $8";
        let document = serde_json::to_string(&profile)?;
        let status = serde_json::to_string(&beta)?;
        let (username, email) = (lower(&profile.username), lower(&profile.email));
        let row: [&dyn Value; 8] = [
            &document,
            &status,
            &revision,
            &updated_at.as_millis(),
            &username,
            &email,
            &profile.id,
            &last.revision,
        ];
        let changed = self.execute(sql, &row).map_err(|error| taken(error, &profile))?;
        if changed == 0 {
            return Err(Fault::Raced);
        }
        self.keep_revision(&profile, revision, updated_at)?;
        Ok(User { profile, beta, revision, updated_at })
    }

    /// Deletes a person and everything that hangs on him.
    pub fn delete_user(&self, id: &str) -> Work<bool> {
        Ok(self.execute("DELETE FROM users WHERE id = $1", &[&id])? > 0)
    }

    /// The accounts with this id, e-mail or user name, which must be in lower case.
    pub fn accounts_named(&self, name: &str) -> Work<Vec<String>> {
        let sql = "SELECT users.id FROM users JOIN accounts ON accounts.user_id = users.id
                   WHERE users.id = $1 OR users.email = $1 OR users.username = $1";
        self.rows(sql, &[&name], |row| row.get(0))
    }

    /// The local account whose e-mail this is, in any case; the one that was current last when several have it.
    pub fn local_user_id_by_email(&self, email: &str) -> Work<Option<String>> {
        let sql = "SELECT users.id FROM users JOIN accounts ON accounts.user_id = users.id
                   WHERE users.email = $1 AND accounts.is_local ORDER BY accounts.selected_at DESC, users.id LIMIT 1";
        self.row(sql, &[&email.to_lowercase()], |row| row.get(0))
    }
}

fn lower(text: &Option<String>) -> Option<String> {
    text.as_ref().map(|text| text.to_lowercase())
}

/// The user name is the only unique column a statement on users can hit with a new value.
fn taken(fault: Fault, profile: &UserProfile) -> Fault {
    match &fault {
        Fault::Database(error) if error.is_constraint_violation() => {
            let name = profile.username.as_deref().unwrap_or_default();
            Error::new(Code::Taken, format!("the user name `{name}` is taken: choose another one")).into()
        }
        _ => fault,
    }
}
