//! One connection to PostgreSQL for questions of a single statement. Those of many callers are under way on it at once
//! (pipelining), which shares the trips and the system calls among them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Statement};
use usher_wire::Result;

use super::postgres::{ATTEMPTS, Encryption, GONE_FOR, RECONNECT, SILENT_FOR, connect};
use super::tx::Row;
use super::{DatabaseError, Fault, Work};

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

    /// The first row of an answer, if there is one. As it changes nothing, it is asked again where that may help.
    pub(super) async fn first_row<T>(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
        read: fn(&Row<'_>) -> Work<T>,
    ) -> Result<Option<T>> {
        let (begun, mut attempts) = (Instant::now(), 1);
        loop {
            let fault = match self.ask(sql, values).await {
                Ok(row) => {
                    return row.map(|row| read(&Row::Postgres(&row))).transpose().map_err(Fault::into_error);
                }
                Err(fault) => fault,
            };
            let may_help = if fault.is_gone() { begun.elapsed() < GONE_FOR } else { fault.is_transient() };
            if !may_help || attempts > ATTEMPTS && !fault.is_gone() {
                return Err(fault.into_error());
            }
            attempts += 1;
            sleep(RECONNECT).await;
        }
    }

    async fn ask(
        &self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Work<Option<tokio_postgres::Row>> {
        let open = self.open().await?;
        let asked = timeout(SILENT_FOR, async {
            let statement = open.statement(sql).await?;
            open.client.query_opt(&statement, values).await
        });
        let fault = match asked.await {
            Ok(Ok(row)) => return Ok(row),
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
