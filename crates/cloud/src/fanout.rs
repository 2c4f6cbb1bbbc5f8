//! How the nodes of a cloud tell each other of changes: through NATS, or not at all where there is one node. A message says
//! only whose state changed and to which revision, so one that is lost, late or doubled can make nothing wrong.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, mpsc};
use usher_domain::store::{Tx, Work};

use crate::Cloud;

/// Where changes are told: `users.<id>`.
const SUBJECT: &str = "users";

/// Stands for everybody in the place of an id.
const EVERYBODY: &str = "everybody";
/// Beyond so many untold changes, everybody counts as changed.
const MOST_UNTOLD: usize = 10_000;
/// How long a request gives NATS to take a message.
const TELLS_WITHIN: Duration = Duration::from_millis(50);

/// The way to the other nodes.
pub(crate) struct Fanout {
    servers: Vec<String>,
    client: OnceCell<Client>,
    /// Whose changes could not be told; `None` for so many that everybody counts as changed.
    untold: Mutex<Option<HashSet<String>>>,
}

impl Fanout {
    pub(crate) fn new(servers: Vec<String>) -> Self {
        Self { servers, client: OnceCell::new(), untold: Mutex::new(Some(HashSet::new())) }
    }

    /// Tells the other nodes; later, where there is no connection to them now. A request never waits for NATS.
    pub(crate) async fn tell(&self, user: &str, revision: i64) {
        if self.servers.is_empty() || self.publish(user, revision).await {
            return;
        }
        let mut untold = self.untold();
        if let Some(users) = untold.as_mut() {
            users.insert(user.to_owned());
            if users.len() > MOST_UNTOLD {
                *untold = None;
            }
        }
    }

    async fn publish(&self, user: &str, revision: i64) -> bool {
        let Some(client) = self.client.get().filter(|client| client.connection_state() == State::Connected)
        else {
            return false;
        };
        let published = client.publish(format!("{SUBJECT}.{user}"), revision.to_string().into());
        matches!(tokio::time::timeout(TELLS_WITHIN, published).await, Ok(Ok(())))
    }

    /// Tells what could not be told before.
    async fn catch_up(&self) {
        let untold = self.untold().replace(HashSet::new());
        let users = untold.unwrap_or_else(|| HashSet::from([EVERYBODY.to_owned()]));
        for user in users {
            self.tell(&user, 0).await;
        }
    }

    fn untold(&self) -> MutexGuard<'_, Option<HashSet<String>>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cloud {
    /// Hears what other nodes tell, and reads everything again after a time of deafness.
    pub(crate) async fn hear(&self) {
        let fanout = &self.0.fanout;
        if fanout.servers.is_empty() {
            return;
        }
        let (connected, mut connections) = mpsc::channel(1);
        let client = match connect(&fanout.servers, connected).await {
            Ok(client) => fanout.client.get_or_init(|| async { client }).await,
            Err(error) => {
                return tracing::error!(%error, "no connection to NATS: changes at other nodes are found by looking");
            }
        };
        let mut told = match client.subscribe(format!("{SUBJECT}.*")).await {
            Ok(told) => told,
            Err(error) => return tracing::error!(%error, "NATS does not let this node listen"),
        };
        loop {
            tokio::select! {
                message = told.next() => {
                    let Some(message) = message else { return };
                    let user = message.subject.strip_prefix(SUBJECT).and_then(|rest| rest.strip_prefix('.'));
                    let revision = std::str::from_utf8(&message.payload).ok().and_then(|text| text.parse().ok());
                    if let (Some(user), Some(revision)) = (user, revision) {
                        self.hear_of(user, revision).await;
                    }
                }
                Some(()) = connections.recv() => {
                    self.0.fanout.catch_up().await;
                    self.look_at_all().await;
                }
            }
        }
    }

    /// A change somewhere else: read again what streams of this node show of it.
    async fn hear_of(&self, user: &str, revision: u64) {
        if user == EVERYBODY {
            return self.look_at_all().await;
        }
        // Revision 0 is a change beside the profile.
        if self.0.hub.revision(user).is_some_and(|shown| revision == 0 || shown < revision) {
            self.show(user).await;
        }
    }

    /// Looks from time to time for changes nobody told of.
    pub(crate) async fn look(&self) {
        let mut every = tokio::time::interval(self.0.settings.look_every);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.0.authority.forget();
            self.look_at_all().await;
        }
    }

    async fn look_at_all(&self) {
        for user in self.0.hub.followed() {
            self.show(&user).await;
        }
    }

    /// Changes people in a transaction, and tells everybody who follows one of them before it answers.
    pub(crate) async fn write_and_tell<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Work<(T, Changes)> + Send + 'static,
    ) -> usher_wire::Result<T> {
        let (cloud, runtime) = (self.clone(), Handle::current());
        let written = self.write(move |tx| {
            let (value, changes) = work(tx)?;
            Ok((value, Untold { cloud: cloud.clone(), runtime: runtime.clone(), changes }))
        });
        let (value, untold) = written.await?;
        untold.tell().await;
        Ok(value)
    }

    /// Tells everybody who follows a person that something changed: here at once, elsewhere through NATS.
    async fn tell(&self, user: &str, revision: i64) {
        self.0.fanout.tell(user, revision).await;
        self.hear_of(user, revision.try_into().unwrap_or_default()).await;
    }
}

/// Whose state was changed, and to which revision.
pub(crate) type Changes = Vec<(String, i64)>;

/// Changes that are to be told. Dropped before that, it tells of them all the same: whoever asked for a change may go while
/// it is stored. One that was not stored in the end only makes readers look.
struct Untold {
    cloud: Cloud,
    runtime: Handle,
    changes: Changes,
}

impl Untold {
    async fn tell(mut self) {
        while let Some((user, revision)) = self.changes.last() {
            self.cloud.tell(user, *revision).await;
            self.changes.pop();
        }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        let (cloud, changes) = (self.cloud.clone(), std::mem::take(&mut self.changes));
        if changes.is_empty() {
            return;
        }
        self.runtime.spawn(async move {
            for (user, revision) in changes {
                cloud.tell(&user, revision).await;
            }
        });
    }
}

/// A client, connected or on its way there, that says each time when it is.
async fn connect(
    servers: &[String],
    connected: mpsc::Sender<()>,
) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let options = ConnectOptions::new()
        .name("usher")
        // A server that froze is noticed by its silence.
        .ping_interval(Duration::from_secs(2))
        .connection_timeout(Duration::from_secs(1))
        .reconnect_delay_callback(|attempts| Duration::from_millis(10 << attempts.min(7)))
        .retry_on_initial_connect()
        .event_callback(move |event| {
            let connected = connected.clone();
            match event {
                Event::Connected => metrics::gauge!("usher_nats_connected").set(1),
                Event::Disconnected | Event::Closed => metrics::gauge!("usher_nats_connected").set(0),
                _ => {}
            }
            async move {
                match &event {
                    Event::Connected => tracing::info!("NATS tells of changes at other nodes"),
                    Event::Disconnected => {
                        tracing::warn!("NATS is gone: changes at other nodes are found by looking");
                    }
                    // The same again and again while it is away.
                    event => tracing::debug!(%event, "NATS"),
                }
                if matches!(event, Event::Connected | Event::SlowConsumer(_)) {
                    // One that waits already is enough.
                    let _ = connected.try_send(());
                }
            }
        });
    let (servers, options) = named(servers, options)?;
    Ok(options.connect(servers.as_slice()).await?)
}

/// Whether this can be the URL of a NATS server.
pub fn check_nats(url: &str) -> Result<(), String> {
    let address: ServerAddr = url.parse().map_err(|error| format!("it is no address ({error})"))?;
    match address.scheme() {
        "nats" | "tls" if !address.host().is_empty() => Ok(()),
        _ => Err("it must look like nats://nats-1.example.org:4222".into()),
    }
}

/// The servers without the user in their URLs, and options with the first such user: the client takes one for all, and
/// writes URLs into its log.
fn named(servers: &[String], options: ConnectOptions) -> std::io::Result<(Vec<ServerAddr>, ConnectOptions)> {
    let mut user = None;
    let mut addresses = Vec::new();
    for server in servers {
        let mut url = server.parse::<ServerAddr>()?.into_inner();
        let named = url.password().map(|password| (url.username().to_owned(), password.to_owned()));
        user = user.or(named);
        // Only a URL without a host refuses, and that one is no server.
        let _ = url.set_password(None).and_then(|()| url.set_username(""));
        addresses.push(ServerAddr::from_url(url)?);
    }
    let options = match user {
        Some((name, password)) => options.user_and_password(name, password),
        None => options,
    };
    Ok((addresses, options))
}
