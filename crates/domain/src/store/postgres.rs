//! PostgreSQL, and what speaks like it: a few threads, each with a connection, that run transactions one after the other.
//! A transaction that another one was in the way of is run again; so is one whose connection broke before its commit.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use postgres::config::{Host, SslMode};
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Row, Statement};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::oneshot;
use tokio_postgres_rustls::MakeRustlsConnect;
use usher_wire::{Code, Error, Result};

use super::{DatabaseError, Fault, Tx, Work};

/// Work waiting beyond this is refused with `too_many_requests`.
const QUEUE: usize = 4096;
/// How often a transaction is tried that others are in the way of.
const ATTEMPTS: u32 = 5;
/// How long work waits for a database that is not there.
const GONE_FOR: Duration = Duration::from_secs(5);
/// How long a thread waits between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(100);
/// How long one statement, or a transaction that does nothing, may take.
const LIMITS: &str = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s";

/// The connections to one database.
pub struct Pool {
    queue: SyncSender<Job>,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

impl Pool {
    /// Starts `size` threads. Nothing is connected before there is work.
    pub(super) fn start(config: Config, encryption: Encryption, size: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..size.max(1) {
            let (jobs, config, encryption) = (Arc::clone(&jobs), config.clone(), encryption.clone());
            std::thread::Builder::new()
                .name(format!("store {number}"))
                .spawn(move || run(&jobs, Connection { config, encryption, session: None, number }))?;
        }
        Ok(Self { queue })
    }

    /// Runs `work` in a transaction and answers when it is durable, or when it failed and changed nothing.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(move |connection| connection.write(&work)).await
    }

    /// Runs `work` on committed state.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(move |connection| connection.read(&work)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = work(connection).map_err(Fault::into_error);
            // A caller that went away does not hear the answer; what was stored stands all the same.
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
    session: Option<Session>,
    number: usize,
}

impl Connection {
    fn session(&mut self) -> Work<&mut Session> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            self.session = Some(Session::open(&self.config, &self.encryption)?);
        }
        Ok(self.session.as_mut().expect("it was made above"))
    }

    fn read<T>(&mut self, work: &impl Fn(&Tx<'_>) -> Work<T>) -> Work<T> {
        self.persist(|connection| work(&Tx::of_postgres(connection.session()?)))
    }

    fn write<T>(&mut self, work: &impl Fn(&Tx<'_>) -> Work<T>) -> Work<T> {
        self.persist(|connection| connection.session()?.transact(work))
    }

    /// Tries again where nothing happened yet and it may go better.
    fn persist<T>(&mut self, mut attempt: impl FnMut(&mut Self) -> Work<T>) -> Work<T> {
        let begun = Instant::now();
        let mut attempts = 1;
        loop {
            let fault = match attempt(self) {
                Err(fault @ (Fault::Database(_) | Fault::Raced)) => fault,
                done => return done,
            };
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

/// One connection and the statements it has prepared.
pub(super) struct Session {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Session {
    pub(super) fn open(config: &Config, encryption: &Encryption) -> Work<Self> {
        let mut config = config.clone();
        config.options(LIMITS).application_name("usher").connect_timeout(Duration::from_secs(5));
        let client = match encryption {
            Encryption::None => config.connect(NoTls)?,
            Encryption::Tls(tls) => config.connect(tls.clone())?,
        };
        Ok(Self { client, statements: HashMap::new() })
    }

    /// Runs `work` in a transaction.
    pub(super) fn transact<T>(&mut self, work: impl Fn(&Tx<'_>) -> Work<T>) -> Work<T> {
        self.batch("BEGIN")?;
        match work(&Tx::of_postgres(self)) {
            Ok(value) => self.commit().map(|()| value),
            Err(fault) => {
                // Where this fails the connection is gone, and the transaction with it.
                drop(self.batch("ROLLBACK"));
                Err(fault)
            }
        }
    }

    pub(super) fn batch(&mut self, sql: &str) -> std::result::Result<(), DatabaseError> {
        Ok(self.client.batch_execute(sql)?)
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Work<u64> {
        let statement = self.prepare(sql)?;
        Ok(self.client.execute(&statement, values)?)
    }

    pub(super) fn query(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Work<Vec<Row>> {
        let statement = self.prepare(sql)?;
        Ok(self.client.query(&statement, values)?)
    }

    fn prepare(&mut self, sql: &str) -> Work<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
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
