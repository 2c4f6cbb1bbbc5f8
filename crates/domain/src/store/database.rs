//! The database of a cloud: SQLite where one process is enough, PostgreSQL where many share it.

use std::fs::File;
use std::path::PathBuf;

use tokio::runtime::Handle;
use usher_wire::{Entity, Result, Secret};

use super::entities::{ENTITIES_OF, entity};
use super::migrate::{MIGRATIONS, OpenError, claim, migrate_server};
use super::pipeline::Question;
use super::postgres::{Pool, Session, encryption};
use super::tx::Row;
use super::user_sessions::{REFUSED, refused};
use super::users::{self, USER, VISITOR, visitor};
use super::{Fault, Store, Tx, User, Visitor, Work};

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A file, made when it is not there.
    Sqlite(PathBuf),
    /// A server, as a `postgres://` URL, and how many connections may be made to it.
    Postgres(Secret, usize),
}

/// A database that work can be tried again on, because each piece can be run more than once.
pub enum Database {
    /// In this process, which is the only one as long as it holds the lock.
    Sqlite(Store, File),
    /// On a server.
    Postgres(Box<Pool>),
}

impl Database {
    /// Opens the database and brings its schema up to date. Many may do so at the same time where it is on a server; a
    /// file that another process has is refused. Blocks, so not for a task of the runtime that it is called in.
    pub fn open(place: &Place) -> std::result::Result<Self, OpenError> {
        match place {
            Place::Sqlite(path) => {
                let lock = claim(path)?;
                Ok(Self::Sqlite(Store::open(path, Box::new(|_| Ok(())))?, lock))
            }
            Place::Postgres(url, size) => {
                let server = |reason: String| OpenError::Server { reason };
                let mut config: tokio_postgres::Config = url
                    .expose()
                    .parse()
                    .map_err(|_| OpenError::Address { reason: "its URL cannot be read".into() })?;
                let way = encryption(url.expose(), &mut config).map_err(server)?;
                let runtime = Handle::current();
                // A migration takes as long as it takes.
                let mut session = Session::open(&config, &way, &runtime, None)
                    .map_err(|fault| server(fault.to_string()))?;
                migrate_server(&mut session, MIGRATIONS)?;
                Pool::start(config, way, *size, &runtime)
                    .map(|pool| Self::Postgres(Box::new(pool)))
                    .map_err(|error| server(error.to_string()))
            }
        }
    }

    /// Runs `work` in a transaction and answers when it is durable, or when it failed and changed nothing.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            Self::Sqlite(store, _) => store.write(work).await,
            Self::Postgres(pool) => pool.write(work).await,
        }
    }

    /// Runs `work` on committed state.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            Self::Sqlite(store, _) => store.read(work).await,
            Self::Postgres(pool) => pool.read(work).await,
        }
    }

    /// Runs `work` on the committed state of one moment.
    pub async fn snapshot<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            Self::Sqlite(store, _) => store.write(work).await,
            Self::Postgres(pool) => pool.snapshot(work).await,
        }
    }

    /// The person an issuer knows by this subject, in this session of his: what every request with a token asks.
    pub async fn visitor(&self, issuer: &str, subject: &str, session: &str) -> Result<Option<Visitor>> {
        match self {
            Self::Sqlite(store, _) => {
                let (issuer, subject, session) = (issuer.to_owned(), subject.to_owned(), session.to_owned());
                store.read(move |tx| tx.visitor(&issuer, &subject, &session)).await
            }
            Self::Postgres(pool) => {
                let answers = pool.pipeline.ask(&[(VISITOR, &[&issuer, &subject, &session])]).await?;
                Ok(all(&answers, 0, visitor)?.pop())
            }
        }
    }

    /// A person as streams and readers need him.
    pub async fn shown(&self, id: &str) -> Result<Option<Shown>> {
        match self {
            Self::Sqlite(store, _) => {
                let id = id.to_owned();
                let read = store.read(move |tx| {
                    // In this order: what is older than the revision it is shown with would stay.
                    let Some(user) = tx.user(&id)? else { return Ok(None) };
                    let (entities, refused) = (tx.entities_of(&id)?, tx.refused_sessions(&id)?);
                    Ok(Some(Shown { user, entities, refused }))
                });
                read.await
            }
            Self::Postgres(pool) => {
                let questions: [Question<'_>; 3] = [(USER, &[&id]), (ENTITIES_OF, &[&id]), (REFUSED, &[&id])];
                let answers = pool.pipeline.ask(&questions).await?;
                let Some(user) = all(&answers, 0, users::read)?.pop() else { return Ok(None) };
                let (entities, refused) = (all(&answers, 1, entity)?, all(&answers, 2, refused)?);
                Ok(Some(Shown { user, entities, refused }))
            }
        }
    }
}

/// A person, with what is told of him beside his profile.
pub struct Shown {
    /// The person.
    pub user: User,
    /// The entities he belongs to, in the order of their ids.
    pub entities: Vec<Entity>,
    /// His sessions whose tokens are refused, and by when those were issued; milliseconds since 1970.
    pub refused: Vec<(String, i64)>,
}

/// The rows of one of several answers.
fn all<T>(
    answers: &[Vec<tokio_postgres::Row>],
    index: usize,
    read: fn(&Row<'_>) -> Work<T>,
) -> Result<Vec<T>> {
    let rows = answers.get(index).into_iter().flatten();
    rows.map(|row| read(&Row::Postgres(row))).collect::<Work<_>>().map_err(Fault::into_error)
}
