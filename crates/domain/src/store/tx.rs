//! A transaction in whichever database: what statements are run with, and what rows are read with. The SQL is the same
//! text for each.

use std::cell::RefCell;

use super::postgres::Session;
use super::{DatabaseError, Fault, Work};

/// An open transaction: what the statements of this module are methods of.
///
/// Work inside one is synchronous on purpose: nobody can hold it over a call to the outside.
pub struct Tx<'c>(Engine<'c>);

enum Engine<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(RefCell<&'c mut Session>),
}

/// A value for a `$n` of a statement.
pub(super) trait Value: rusqlite::ToSql + tokio_postgres::types::ToSql + Sync {}
impl<T: rusqlite::ToSql + tokio_postgres::types::ToSql + Sync> Value for T {}

/// What a column can be read as.
pub(super) trait Column:
    rusqlite::types::FromSql + for<'r> tokio_postgres::types::FromSql<'r>
{
}
impl<T: rusqlite::types::FromSql + for<'r> tokio_postgres::types::FromSql<'r>> Column for T {}

/// A row of an answer.
pub(super) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    /// The value of a column, counted from 0.
    pub(super) fn get<T: Column>(&self, column: usize) -> Work<T> {
        Ok(match self {
            Self::Sqlite(row) => row.get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// The document in a column.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Work<T> {
        Ok(match self {
            Self::Sqlite(row) => serde_json::from_str(row.get_ref(column)?.as_str().unwrap_or_default())?,
            Self::Postgres(row) => serde_json::from_str(row.try_get(column)?)?,
        })
    }

    /// The moment in a column of milliseconds since 1970.
    pub(super) fn moment(&self, column: usize) -> Work<usher_wire::Timestamp> {
        usher_wire::Timestamp::from_millis(self.get(column)?).map_err(|_| Fault::Moment)
    }
}

impl<'c> Tx<'c> {
    pub(super) fn of_sqlite(connection: &'c rusqlite::Connection) -> Self {
        Self(Engine::Sqlite(connection))
    }

    pub(super) fn of_postgres(session: &'c mut Session) -> Self {
        Self(Engine::Postgres(RefCell::new(session)))
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) fn execute(&self, sql: &str, values: &[&dyn Value]) -> Work<u64> {
        Ok(match &self.0 {
            Engine::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                bind(&mut statement, values)?;
                let changed = statement.raw_execute()?;
                u64::try_from(changed).unwrap_or_default()
            }
            Engine::Postgres(session) => session.borrow_mut().execute(sql, &for_postgres(values))?,
        })
    }

    /// Runs statements that take no values and answer nothing.
    pub(super) fn batch(&self, sql: &str) -> Work<()> {
        match &self.0 {
            Engine::Sqlite(connection) => connection.execute_batch(sql)?,
            Engine::Postgres(session) => session.borrow_mut().batch(sql)?,
        }
        Ok(())
    }

    /// The first row of an answer, if there is one.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        values: &[&dyn Value],
        read: impl FnOnce(&Row<'_>) -> Work<T>,
    ) -> Work<Option<T>> {
        match &self.0 {
            Engine::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                bind(&mut statement, values)?;
                let mut rows = statement.raw_query();
                rows.next()?.map(|row| read(&Row::Sqlite(row))).transpose()
            }
            Engine::Postgres(session) => {
                let rows = session.borrow_mut().query(sql, &for_postgres(values))?;
                rows.first().map(|row| read(&Row::Postgres(row))).transpose()
            }
        }
    }

    /// All rows of an answer.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: &[&dyn Value],
        mut read: impl FnMut(&Row<'_>) -> Work<T>,
    ) -> Work<Vec<T>> {
        match &self.0 {
            Engine::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                bind(&mut statement, values)?;
                let mut rows = statement.raw_query();
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(read(&Row::Sqlite(row))?);
                }
                Ok(found)
            }
            Engine::Postgres(session) => {
                let rows = session.borrow_mut().query(sql, &for_postgres(values))?;
                rows.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }
}

/// SQLite counts `$n` by their first appearance, PostgreSQL by `n`. So they are bound by `n`.
fn bind(statement: &mut rusqlite::Statement<'_>, values: &[&dyn Value]) -> rusqlite::Result<()> {
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name[1..].parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.wrapping_sub(1)));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(values.len(), index))?;
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

fn for_postgres<'v>(values: &[&'v dyn Value]) -> Vec<&'v (dyn tokio_postgres::types::ToSql + Sync)> {
    values.iter().map(|value| *value as &(dyn tokio_postgres::types::ToSql + Sync)).collect()
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(DatabaseError::Sqlite(error))
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(DatabaseError::Postgres(error))
    }
}
