//! Watches over WebSocket: the present state first, then each change, for as long as the caller listens.

use std::{collections::hash_map::RandomState, hash::BuildHasher, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use reqwest::{
    Method, StatusCode,
    header::{
        CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use tokio::time;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{
    Caller, Client, Code, Error, Present, Result, UserLastCheckedInStreamOutput,
    answer::Answer,
    backoff::Backoff,
    http::{CONNECT_LIMIT, cause},
};

mod topic;

pub use topic::Known;
pub(crate) use topic::{CheckIns, Topic, User};

/// A daemon pings every 30 s; one that misses three is gone, whatever the network says.
const SILENCE_LIMIT: Duration = Duration::from_secs(95);
/// Far above any profile; below what a wrong address could fill the memory with.
const LONGEST_MESSAGE: usize = 8 << 20;

/// What a watch tells.
///
/// ```no_run
/// use usher_client::{Client, Event, StreamExt};
///
/// # async fn example() -> usher_client::Result<()> {
/// let mut changes = Client::find().await?.watch_user();
/// while let Some(event) = changes.next().await {
///     match event {
///         Event::Now(present) if present.user.is_some() => println!("signed in"),
///         Event::Now(_) => println!("signed out"),
///         Event::Lost { error, .. } => println!("{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Event<T> {
    /// This is the state now.
    Now(T),
    /// There is no connection, so what was told last may be old. Trying goes on by itself.
    Lost {
        /// Why.
        error: Error,
        /// How long until the next attempt.
        retry_in: Duration,
    },
}

impl Client {
    /// Who is current: the present state first, then every change; nobody is a state as well.
    ///
    /// Never ends by itself: each loss is told as [`Event::Lost`], then the connection is made again and begins with
    /// the present state. Dropping the stream closes the connection. Messages of a daemon carry no version, so the
    /// states of one stream are counted: the revision grows with each, over reconnects too, and the generation is 0.
    /// Versions of `GET /user` are another count.
    ///
    /// ```no_run
    /// use usher_client::{Client, Event, StreamExt};
    ///
    /// # async fn example() -> usher_client::Result<()> {
    /// let mut changes = Client::find().await?.watch_user();
    /// if let Some(Event::Now(present)) = changes.next().await {
    ///     println!("{:?}", present.user.as_ref().map(|user| &user.id));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch_user(&self) -> impl Stream<Item = Event<Arc<Present>>> + Send + Unpin + 'static + use<> {
        Watch::new(self, &Caller::default(), User::default()).events()
    }

    /// When the user was last in step with the cloud: at once, then after each check-in and each change.
    ///
    /// Reconnects and ends as [`watch_user`](Client::watch_user) does.
    ///
    /// ```no_run
    /// use usher_client::{Client, Event, StreamExt};
    ///
    /// # async fn example() -> usher_client::Result<()> {
    /// let mut check_ins = Client::find().await?.watch_last_checked_in();
    /// if let Some(Event::Now(check_in)) = check_ins.next().await {
    ///     println!("read again: {}", check_in.needs_refresh);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch_last_checked_in(
        &self,
    ) -> impl Stream<Item = Event<UserLastCheckedInStreamOutput>> + Send + Unpin + 'static + use<> {
        Watch::new(self, &Caller::default(), CheckIns).events()
    }

    /// A watch without its losses. That the first connection cannot be made is an error.
    pub(crate) async fn follow<T: Topic>(
        &self,
        caller: &Caller,
        topic: T,
    ) -> Result<BoxStream<'static, T::State>> {
        let mut watch = Watch::new(self, caller, topic);
        watch.connect().await?;
        let path = T::PATH;
        let states = watch.events().filter_map(move |event| {
            std::future::ready(match event {
                Event::Now(state) => Some(state),
                Event::Lost { error, retry_in } => {
                    tracing::warn!(%error, ?retry_in, path, "watch.lost");
                    None
                }
            })
        });
        Ok(states.boxed())
    }

    /// Who the caller is and each change, over one connection: the items end with it. For programs that show another
    /// token each time they come; everybody else wants [`watch_user`](Client::watch_user).
    ///
    /// ```no_run
    /// # async fn example(token: usher_client::Secret) -> usher_client::Result<()> {
    /// use usher_client::{Caller, Client, StreamExt};
    ///
    /// let caller = Caller { bearer: Some(token), ..Caller::default() };
    /// let mut states = Client::new("https://cloud.example.org")?.connect_user(&caller).await?;
    /// while let Some(present) = states.next().await {
    ///     println!("{:?}", present.user.as_ref().map(|user| &user.id));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_user(&self, caller: &Caller) -> Result<BoxStream<'static, Arc<Present>>> {
        self.connect_user_from(caller, &Known::default()).await
    }

    /// The same for somebody who comes again and again: what he knows from before is not told again. Begins with the
    /// present state all the same.
    pub async fn connect_user_from(
        &self,
        caller: &Caller,
        known: &Known,
    ) -> Result<BoxStream<'static, Arc<Present>>> {
        let mut watch = Watch::new(self, caller, User::from(known));
        watch.connect().await?;
        let states = stream::unfold(watch, |mut watch| async move {
            let state = watch.state().await;
            state.inspect_err(|error| tracing::debug!(%error, "watch.ended")).ok().map(|state| (state, watch))
        });
        Ok(states.boxed())
    }

    /// A WebSocket, made by the same transport as every request: its proxy, its trust in certificates, its Unix socket.
    /// Says as well whether the service chose the sub-protocol that is offered.
    pub(crate) async fn open(
        &self,
        caller: &Caller,
        path: &str,
        protocol: Option<&'static str>,
    ) -> Result<(Socket, bool)> {
        let key = generate_key();
        let handshake = self
            .request(caller, Method::GET, path)?
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let handshake = match protocol {
            Some(protocol) => handshake.header(SEC_WEBSOCKET_PROTOCOL, protocol),
            None => handshake,
        };
        let response = match time::timeout(CONNECT_LIMIT, handshake.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.unreachable(cause(&error))),
            Err(_) => return Err(self.unreachable("no answer in time")),
        };
        self.note_minimum_version(response.headers());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.bytes().await.unwrap_or_default();
            return Err(Answer { operation: format!("GET {path}"), status, headers, body }.error());
        }
        let said = |name| response.headers().get(name).map(HeaderValue::as_bytes);
        let is_accepted = said(SEC_WEBSOCKET_ACCEPT) == Some(derive_accept_key(key.as_bytes()).as_bytes());
        let chosen = said(SEC_WEBSOCKET_PROTOCOL);
        let is_chosen = chosen.is_some();
        // One that was not offered must not be chosen (RFC 6455, 4.1).
        if !is_accepted || is_chosen && chosen != protocol.map(str::as_bytes) {
            return Err(self.unreachable("what answers there speaks no WebSocket"));
        }
        let connection = response.upgrade().await.map_err(|error| self.unreachable(cause(&error)))?;
        let config =
            WebSocketConfig::default().read_buffer_size(4096).max_message_size(Some(LONGEST_MESSAGE));
        let socket = WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await.boxed();
        Ok((socket, is_chosen))
    }
}

/// What comes in over a connection, however it was made.
pub(crate) type Socket = BoxStream<'static, tungstenite::Result<Message>>;

/// One subscription over all its connections.
struct Watch<T> {
    client: Client,
    caller: Caller,
    topic: T,
    /// The connection, and whether it speaks the sub-protocol.
    socket: Option<(Socket, bool)>,
    backoff: Backoff,
    /// What is left to wait before the next attempt.
    pause: Option<Duration>,
}

impl<T: Topic> Watch<T> {
    fn new(client: &Client, caller: &Caller, topic: T) -> Self {
        let backoff = Backoff::new(client.place.is_loopback);
        let (client, caller) = (client.clone(), caller.clone());
        Self { client, caller, topic, socket: None, backoff, pause: None }
    }

    async fn connect(&mut self) -> Result<()> {
        self.socket = Some(self.client.open(&self.caller, &self.topic.place(), T::PROTOCOL).await?);
        Ok(())
    }

    fn events(self) -> BoxStream<'static, Event<T::State>> {
        stream::unfold(self, |mut watch| async move {
            if let Some(pause) = watch.pause.take() {
                time::sleep(pause).await;
            }
            let event = match watch.state().await {
                Ok(state) => {
                    watch.backoff.attempts = 0;
                    Event::Now(state)
                }
                Err(error) => {
                    let retry_in = watch.backoff.delay(RandomState::new().hash_one(()));
                    (watch.socket, watch.pause) = (None, Some(retry_in));
                    Event::Lost { error, retry_in }
                }
            };
            Some((event, watch))
        })
        .boxed()
    }

    /// The next state, over the connection there is or a new one.
    async fn state(&mut self) -> Result<T::State> {
        let (socket, is_of_protocol) = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(self.client.open(&self.caller, &self.topic.place(), T::PROTOCOL).await?),
        };
        let message = message(socket).await.map_err(|why| {
            let lost = format!("the connection to {} was lost ({why}): it is tried again", self.client.url());
            Error::new(Code::Unreachable, lost)
        })?;
        self.topic.read(&message, *is_of_protocol).map_err(|error| {
            let why = format!("a message of `{}` cannot be read ({error})", T::PATH);
            let next = "bring `usher` and this program to the same version";
            Error::new(Code::UpstreamFailed, format!("{why}: {next}"))
        })
    }
}

/// The next message of the daemon, or why there will be none. Reading also answers pings.
pub(crate) async fn message(socket: &mut Socket) -> Result<Bytes, String> {
    loop {
        match time::timeout(SILENCE_LIMIT, socket.next()).await {
            Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => return Ok(message.into_data()),
            Ok(Some(Ok(Message::Close(_))) | None) => return Err("the daemon closed it".to_owned()),
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => return Err(error.to_string()),
            Err(_) => return Err("nothing was heard for too long".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
