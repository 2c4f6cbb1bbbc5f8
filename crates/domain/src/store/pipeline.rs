//! One connection to PostgreSQL for questions of a single statement. Those of many callers are under way on it at once
//! (pipelining), which shares the trips and the system calls among them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::future::try_join_all;
use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Statement};
use usher_wire::Result;

use super::postgres::{ATTEMPTS, Encryption, GONE_FOR, RECONNECT, SILENT_FOR, connect};
use super::{DatabaseError, Fault, Work};

/// A statement that changes nothing, and its values.
pub(super) type Question<'q> = (&'static str, &'q [&'q (dyn ToSql + Sync)]);

/// The connection, made when it is needed.
pub(super) struct Pipeline {
    config: Config,
    encryption: Encryption,
    open: Mutex<Option<Arc<Open>>>,
    /// Held by the one who connects.
    connecting: tokio::sync::Mutex<()>,
}

struct Open {
    client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

impl Pipeline {
    pub(super) fn new(config: Config, encryption: Encryption) -> Self {
        Self { config, encryption, open: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    /// The rows each question is answered with. They are asked in this order at the same moment, and, as they change
    /// nothing, asked again where that may help.
    pub(super) async fn ask(&self, questions: &[Question<'_>]) -> Result<Vec<Vec<tokio_postgres::Row>>> {
        let (begun, mut attempts) = (Instant::now(), 1);
        loop {
            let fault = match self.try_to_ask(questions, begun).await {
                Ok(answers) => return Ok(answers),
                Err(fault) => fault,
            };
            let may_help = if fault.is_gone() {
                begun.elapsed() < GONE_FOR
            } else {
                fault.is_transient() && attempts < ATTEMPTS
            };
            if !may_help {
                return Err(fault.into_error());
            }
            attempts += 1;
            sleep(RECONNECT).await;
        }
    }

    async fn try_to_ask(
        &self,
        questions: &[Question<'_>],
        begun: Instant,
    ) -> Work<Vec<Vec<tokio_postgres::Row>>> {
        // Whoever waits for his turn to connect waits no longer than the one whose turn it is.
        let left = GONE_FOR.saturating_sub(begun.elapsed());
        let open = timeout(left, self.open()).await.map_err(|_| DatabaseError::Silent)??;
        let answers = try_join_all(questions.iter().map(|(sql, values)| open.rows(sql, values)));
        let fault = match timeout(SILENT_FOR, answers).await {
            Ok(Ok(answers)) => return Ok(answers),
            Ok(Err(error)) => Fault::from(error),
            Err(_) => DatabaseError::Silent.into(),
        };
        if fault.is_gone() {
            self.held().take_if(|held| Arc::ptr_eq(held, &open));
        }
        Err(fault)
    }

    async fn open(&self) -> Work<Arc<Open>> {
        if let Some(open) = self.usable() {
            return Ok(open);
        }
        let _turn = self.connecting.lock().await;
        // Somebody else may have been first.
        if let Some(open) = self.usable() {
            return Ok(open);
        }
        let client = connect(&self.config, &self.encryption).await?;
        let open = Arc::new(Open { client, statements: Mutex::default() });
        *self.held() = Some(Arc::clone(&open));
        Ok(open)
    }

    fn usable(&self) -> Option<Arc<Open>> {
        self.held().as_ref().filter(|open| !open.client.is_closed()).cloned()
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    async fn rows(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> std::result::Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
        let statement = self.statement(sql).await?;
        self.client.query(&statement, values).await
    }

    async fn statement(&self, sql: &'static str) -> std::result::Result<Statement, tokio_postgres::Error> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(statements.entry(sql).or_insert(statement).clone())
    }
}
