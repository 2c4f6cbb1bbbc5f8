//! PostgreSQL, and what speaks like it: a few threads, each with a connection, that run transactions one after the other.
//! A transaction that another one was in the way of is run again; so is one whose connection broke before its commit.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls_platform_verifier::BuilderVerifierExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;
use usher_wire::{Code, Error, Result};

use super::pipeline::Pipeline;
use super::{DatabaseError, Fault, Tx, Work};

/// Work waiting beyond this is refused with `too_many_requests`.
const QUEUE: usize = 4096;
/// How often a transaction is tried that others are in the way of.
pub(super) const ATTEMPTS: u32 = 5;
/// How long work waits for a database that is not there.
pub(super) const GONE_FOR: Duration = Duration::from_secs(5);
/// How long to wait between two attempts to connect.
pub(super) const RECONNECT: Duration = Duration::from_millis(100);
/// After how long without an answer a connection counts as broken: longer than any statement may take.
pub(super) const SILENT_FOR: Duration = Duration::from_secs(12);
/// How long a server may take to accept a connection.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);
/// How long one statement, or a transaction that does nothing, may take.
const LIMITS: &str = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s";

/// The connections to one database.
pub struct Pool {
    queue: SyncSender<Job>,
    /// For what is a single statement and asked for all the time.
    pub(super) pipeline: Pipeline,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;
/// Whether somebody still waits for what is done.
type IsWanted<'a> = &'a dyn Fn() -> bool;

impl Pool {
    /// Starts `size` threads. Nothing is connected before there is work.
    pub(super) fn start(
        config: Config,
        encryption: Encryption,
        size: usize,
        runtime: &Handle,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..size.max(1) {
            let jobs = Arc::clone(&jobs);
            let (config, encryption, runtime) = (config.clone(), encryption.clone(), runtime.clone());
            let connection = Connection { config, encryption, runtime, session: None, number };
            std::thread::Builder::new()
                .name(format!("store {number}"))
                .spawn(move || run(&jobs, connection))?;
        }
        Ok(Self { queue, pipeline: Pipeline::new(config, encryption) })
    }

    /// Runs `work` in a transaction and answers when it is durable, or when it failed and changed nothing. Nothing is
    /// committed for a caller that is gone: it may have asked again at another node, and for something newer since.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(move |connection, is_wanted| connection.write(&work, is_wanted)).await
    }

    /// Runs `work` on committed state.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(move |connection, is_wanted| connection.read(&work, is_wanted)).await
    }

    /// Runs `work` on the committed state of one moment.
    pub(super) async fn snapshot<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(move |connection, is_wanted| {
            connection.persist(is_wanted, |connection| connection.session()?.snapshot(&work))
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, IsWanted<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel::<Result<T>>();
        let job: Job = Box::new(move |connection| {
            if answer.is_closed() {
                return;
            }
            let outcome = work(connection, &|| !answer.is_closed()).map_err(Fault::into_error);
            // A caller that went away during the commit does not hear the answer; what was stored stands all the same.
            drop(answer.send(outcome));
        });
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                Error::new(Code::TooManyRequests, "too many requests are waiting: try again in a moment")
            }
            TrySendError::Disconnected(_) => failed(),
        })?;
        answered.await.map_err(|_| failed())?
    }
}

/// What nobody hears.
fn given_up() -> Fault {
    Error::new(Code::Unreachable, "whoever asked for this is gone, so nothing was changed").into()
}

fn failed() -> Error {
    Error::new(Code::Internal, "the request failed inside the service: see its log")
}

fn run(jobs: &Mutex<Receiver<Job>>, mut connection: Connection) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic in one piece must not end a thread that everybody asks; its connection is in an unknown state.
        if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
            connection.session = None;
        }
    }
}

/// The connection of one thread, made when it is needed.
struct Connection {
    config: Config,
    encryption: Encryption,
    runtime: Handle,
    session: Option<Session>,
    number: usize,
}

impl Connection {
    fn session(&mut self) -> Work<&mut Session> {
        if self.session.as_ref().is_none_or(Session::is_spoiled) {
            let patience = Some(SILENT_FOR);
            self.session = Some(Session::open(&self.config, &self.encryption, &self.runtime, patience)?);
        }
        Ok(self.session.as_mut().expect("it was made above"))
    }

    fn read<T>(&mut self, work: &impl Fn(&Tx<'_>) -> Work<T>, is_wanted: IsWanted<'_>) -> Work<T> {
        self.persist(is_wanted, |connection| work(&Tx::of_postgres(connection.session()?)))
    }

    fn write<T>(&mut self, work: &impl Fn(&Tx<'_>) -> Work<T>, is_wanted: IsWanted<'_>) -> Work<T> {
        let wanted =
            |tx: &Tx<'_>| work(tx).and_then(|value| if is_wanted() { Ok(value) } else { Err(given_up()) });
        self.persist(is_wanted, |connection| connection.session()?.transact(wanted))
    }

    /// Tries again where nothing happened yet and it may go better.
    fn persist<T>(
        &mut self,
        is_wanted: IsWanted<'_>,
        mut attempt: impl FnMut(&mut Self) -> Work<T>,
    ) -> Work<T> {
        let begun = Instant::now();
        let mut attempts = 1;
        loop {
            let fault = match attempt(self) {
                Err(fault @ (Fault::Database(_) | Fault::Raced)) => fault,
                done => return done,
            };
            if !is_wanted() {
                return Err(fault);
            }
            if fault.is_transient() && attempts < ATTEMPTS {
                // Not all threads after the same time, or they meet again.
                let apart = u64::try_from(self.number).unwrap_or_default() % 8 + 1;
                std::thread::sleep(Duration::from_millis((apart << attempts) % 100));
                attempts += 1;
            } else if fault.is_gone() && begun.elapsed() < GONE_FOR {
                self.session = None;
                std::thread::sleep(RECONNECT);
            } else {
                return Err(fault);
            }
        }
    }
}

/// How the way to the server is protected.
#[derive(Clone)]
pub(super) enum Encryption {
    None,
    Tls(MakeRustlsConnect),
}

/// TLS with a checked certificate unless the server is on this machine, or the URL says another `sslmode`.
pub(super) fn encryption(url: &str, config: &mut Config) -> std::result::Result<Encryption, String> {
    let is_near = |host: &Host| match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    if !url.contains("sslmode=") {
        let is_near = config.get_hosts().iter().all(is_near);
        config.ssl_mode(if is_near { SslMode::Disable } else { SslMode::Require });
    }
    if config.get_ssl_mode() == SslMode::Disable {
        return Ok(Encryption::None);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| format!("TLS cannot be set up ({error})"))?;
    Ok(Encryption::Tls(MakeRustlsConnect::new(tls.with_no_client_auth())))
}

/// Connects. What moves the bytes ends with the client.
pub(super) async fn connect(config: &Config, encryption: &Encryption) -> Work<Client> {
    let mut config = config.clone();
    config.options(LIMITS).application_name("usher").tcp_user_timeout(SILENT_FOR);
    let connecting = async {
        Ok::<_, tokio_postgres::Error>(match encryption {
            Encryption::None => {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(connection);
                client
            }
            Encryption::Tls(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                tokio::spawn(connection);
                client
            }
        })
    };
    match timeout(CONNECTS_WITHIN, connecting).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(DatabaseError::Silent.into()),
    }
}

/// One connection and the statements it has prepared, for a thread that waits.
pub(super) struct Session {
    client: Client,
    runtime: Handle,
    statements: HashMap<String, Statement>,
    /// How long a statement may stay without an answer; a server that is cut off never gives one.
    patience: Option<Duration>,
    /// Whether an answer is missing: a transaction may be open, and what comes next would become part of it.
    is_lost: Cell<bool>,
}

impl Session {
    pub(super) fn open(
        config: &Config,
        encryption: &Encryption,
        runtime: &Handle,
        patience: Option<Duration>,
    ) -> Work<Self> {
        let client = runtime.block_on(connect(config, encryption))?;
        let (statements, is_lost) = (HashMap::new(), Cell::new(false));
        Ok(Self { client, runtime: runtime.clone(), statements, patience, is_lost })
    }

    fn is_spoiled(&self) -> bool {
        self.is_lost.get() || self.client.is_closed()
    }

    /// Runs `work` in a transaction.
    pub(super) fn transact<T>(&mut self, work: impl Fn(&Tx<'_>) -> Work<T>) -> Work<T> {
        self.batch("BEGIN")?;
        match work(&Tx::of_postgres(self)) {
            Ok(value) => self.commit().map(|()| value),
            // It has waited long enough, and the transaction ends with the connection.
            Err(fault) if fault.is_gone() => Err(fault),
            Err(fault) => {
                if self.batch("ROLLBACK").is_err() {
                    self.is_lost.set(true);
                }
                Err(fault)
            }
        }
    }

    /// Runs `work` on the committed state of one moment.
    fn snapshot<T>(&mut self, work: impl Fn(&Tx<'_>) -> Work<T>) -> Work<T> {
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let seen = work(&Tx::of_postgres(self));
        if !seen.as_ref().is_err_and(Fault::is_gone) {
            self.batch("ROLLBACK")?;
        }
        seen
    }

    pub(super) fn batch(&mut self, sql: &str) -> std::result::Result<(), DatabaseError> {
        self.wait(self.client.batch_execute(sql))
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Work<u64> {
        let statement = self.prepare(sql)?;
        Ok(self.wait(self.client.execute(&statement, values))?)
    }

    pub(super) fn query(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Work<Vec<Row>> {
        let statement = self.prepare(sql)?;
        Ok(self.wait(self.client.query(&statement, values))?)
    }

    fn prepare(&mut self, sql: &str) -> Work<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(self.client.prepare(sql))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn wait<T>(
        &self,
        answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> std::result::Result<T, DatabaseError> {
        let answered: std::result::Result<T, DatabaseError> = self.runtime.block_on(async {
            match self.patience {
                None => Ok(answer.await?),
                Some(patience) => {
                    Ok(timeout(patience, answer).await.map_err(|_| DatabaseError::Silent)??)
                }
            }
        });
        if answered.as_ref().is_err_and(DatabaseError::is_gone) {
            self.is_lost.set(true);
        }
        answered
    }

    /// A connection that breaks now leaves unknown whether it happened, so that is said, and nothing is tried again.
    fn commit(&mut self) -> Work<()> {
        match self.batch("COMMIT") {
            Err(error) if error.is_gone() => {
                tracing::error!(%error, "the database went away during a commit");
                let message =
                    "the database went away while the change was stored: look whether it was, then try again";
                Err(Error::new(Code::Internal, message).into())
            }
            done => Ok(done?),
        }
    }
}
