//! Watches over WebSocket: the present state first, then each change, for as long as the caller listens.

use std::{collections::hash_map::RandomState, hash::BuildHasher, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::time;
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{
        self, Message, client::IntoClientRequest, handshake::client::Request, protocol::WebSocketConfig,
    },
};

use crate::{
    Caller, Client, Code, Error, Present, Result, UserLastCheckedInStreamOutput, UserProfile, Version,
    answer::Answer, backoff::Backoff, http::CONNECT_LIMIT,
};

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
        Watch::new(self, &Caller::default(), USER).events()
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
        Watch::new(self, &Caller::default(), CHECK_INS).events()
    }

    /// A watch without its losses. That the first connection cannot be made is an error.
    pub(crate) async fn follow<T: Send + 'static>(
        &self,
        caller: &Caller,
        topic: Topic<T>,
    ) -> Result<BoxStream<'static, T>> {
        let mut watch = Watch::new(self, caller, topic);
        watch.socket = Some(self.open(caller, watch.topic.path).await?);
        let path = watch.topic.path;
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

    pub(crate) async fn open(&self, caller: &Caller, path: &str) -> Result<Socket> {
        let mut request = format!("{}{path}", self.place.ws_base)
            .into_client_request()
            .map_err(|error| self.unreachable(error))?;
        request.headers_mut().extend(self.headers(caller)?);
        let config =
            WebSocketConfig::default().read_buffer_size(4096).max_message_size(Some(LONGEST_MESSAGE));
        match time::timeout(CONNECT_LIMIT, self.connect(request, config)).await {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(tungstenite::Error::Http(response))) => {
                let (parts, body) = response.into_parts();
                let (status, headers) = (parts.status.as_u16(), parts.headers);
                let body = body.unwrap_or_default().into();
                Err(Answer { operation: format!("GET {path}"), status, headers, body }.error())
            }
            Ok(Err(error)) => Err(self.unreachable(error)),
            Err(_) => Err(self.unreachable("no answer in time")),
        }
    }

    async fn connect(&self, request: Request, config: WebSocketConfig) -> tungstenite::Result<Socket> {
        #[cfg(unix)]
        if let Some(path) = &self.place.socket {
            let stream = tokio::net::UnixStream::connect(path).await?;
            let upgraded = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
            return Ok(upgraded.0.boxed());
        }
        Ok(connect_async_with_config(request, Some(config), true).await?.0.boxed())
    }
}

/// What can be watched: where it is, and how its nth message reads.
pub(crate) struct Topic<T> {
    path: &'static str,
    read: fn(message: &[u8], nth: u64) -> serde_json::Result<T>,
}

/// Who is current. A handshake names no version, so the values that only old clients cannot read are asked for.
pub(crate) const USER: Topic<Arc<Present>> = Topic {
    path: "/user/stream?types=all",
    read: |message, nth| {
        // No text at all is how everybody says "signed out".
        let user: Option<UserProfile> =
            if message.trim_ascii().is_empty() { None } else { serde_json::from_slice(message)? };
        Ok(Arc::new(Present::new(Version { generation: 0, revision: nth }, user)))
    },
};

/// When the user was last in step with the cloud.
pub(crate) const CHECK_INS: Topic<UserLastCheckedInStreamOutput> =
    Topic { path: "/user/last_checked_in/stream", read: |message, _| serde_json::from_slice(message) };

/// What comes in over a connection, however it was made.
pub(crate) type Socket = BoxStream<'static, tungstenite::Result<Message>>;

/// One subscription over all its connections.
struct Watch<T> {
    client: Client,
    caller: Caller,
    topic: Topic<T>,
    socket: Option<Socket>,
    /// How many states were told.
    count: u64,
    backoff: Backoff,
    /// What is left to wait before the next attempt.
    pause: Option<Duration>,
}

impl<T: Send + 'static> Watch<T> {
    fn new(client: &Client, caller: &Caller, topic: Topic<T>) -> Self {
        let backoff = Backoff::new(client.place.is_loopback);
        let (client, caller) = (client.clone(), caller.clone());
        Self { client, caller, topic, socket: None, count: 0, backoff, pause: None }
    }

    fn events(self) -> BoxStream<'static, Event<T>> {
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
    async fn state(&mut self) -> Result<T> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(self.client.open(&self.caller, self.topic.path).await?),
        };
        let message = message(socket).await.map_err(|why| {
            let lost = format!("the connection to {} was lost ({why}): it is tried again", self.client.url());
            Error::new(Code::Unreachable, lost)
        })?;
        self.count += 1;
        (self.topic.read)(&message, self.count).map_err(|error| {
            let why = format!("a message of `{}` cannot be read ({error})", self.topic.path);
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
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{
        Router,
        extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade},
        http::{HeaderMap, StatusCode, Uri},
        routing::get,
    };
    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        UserApi,
        testing::{self, client_of},
    };

    fn profile(id: &str) -> Frame {
        Frame::text(testing::profile(id).to_string())
    }

    /// A client of a server that handles its nth connection with `session(n, socket)`.
    async fn speaking<F, S>(session: F) -> Client
    where
        F: Fn(usize, WebSocket) -> S + Clone + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let connections = Arc::new(AtomicUsize::new(0));
        let accept = get(move |upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(move |socket| session(connections.fetch_add(1, Ordering::SeqCst), socket))
        });
        client_of(Router::new().route("/user/stream", accept)).await
    }

    fn id(event: Event<Arc<Present>>) -> Option<String> {
        match event {
            Event::Now(present) => present.user.as_ref().map(|user| user.id.clone()),
            Event::Lost { error, .. } => panic!("lost: {error}"),
        }
    }

    #[tokio::test]
    async fn a_dropped_connection_is_told_and_made_again() {
        let client = speaking(|nth, mut socket| async move {
            let _ = socket.send(profile(&format!("user-{nth}"))).await;
        })
        .await;
        let mut events = client.watch_user();
        for nth in 0..3 {
            let Some(Event::Now(present)) = events.next().await else {
                panic!("the present state comes first")
            };
            assert_eq!(present.user.as_ref().unwrap().id, format!("user-{nth}"));
            assert_eq!(present.version.revision, nth + 1, "the count goes on over reconnects");
            let Some(Event::Lost { error, retry_in }) = events.next().await else { panic!("a loss is told") };
            assert_eq!(error.code, Code::Unreachable);
            assert!(retry_in <= Duration::from_millis(100), "a state in between starts the backoff anew");
        }
    }

    #[tokio::test]
    async fn empty_means_signed_out_and_pings_are_answered() {
        let client = speaking(|_, mut socket| async move {
            let _ = socket.send(Frame::text("")).await;
            let _ = socket.send(Frame::Ping(Default::default())).await;
            while !matches!(socket.recv().await, Some(Ok(Frame::Pong(_))) | None) {}
            let _ = socket.send(profile("ada")).await;
            socket.recv().await;
        })
        .await;
        let mut events = client.watch_user();
        assert_eq!(id(events.next().await.unwrap()), None);
        assert_eq!(id(events.next().await.unwrap()).as_deref(), Some("ada"));
    }

    #[tokio::test]
    async fn dropping_the_stream_closes_the_connection() {
        let (tell, closed) = oneshot::channel();
        let tell = Arc::new(Mutex::new(Some(tell)));
        let client = speaking(move |_, mut socket| {
            let tell = tell.lock().unwrap().take();
            async move {
                let _ = socket.send(profile("ada")).await;
                while let Some(Ok(_)) = socket.recv().await {}
                let _ = tell.map(|tell| tell.send(()));
            }
        })
        .await;
        let mut states = client.stream_user(&Caller::default()).await.unwrap();
        assert_eq!(states.next().await.unwrap().user.as_ref().unwrap().id, "ada");
        drop(states);
        closed.await.unwrap();
    }

    #[tokio::test]
    async fn a_refused_handshake_is_the_daemons_own_error() {
        let refuse = get(|uri: Uri, headers: HeaderMap| async move {
            assert_eq!(uri.path_and_query().unwrap(), "/user/stream?types=all");
            assert_eq!(headers["authorization"], "Bearer old");
            (StatusCode::UNAUTHORIZED, [("x-error-code", "not_signed_in")], "sign in first")
        });
        let client = client_of(Router::new().route("/user/stream", refuse)).await.with_bearer("old".into());
        let error = client.stream_user(&Caller::default()).await.err().unwrap();
        assert_eq!((error.code, error.message.as_str()), (Code::NotSignedIn, "sign in first"));
        let Some(Event::Lost { error, .. }) = client.watch_user().next().await else {
            panic!("a loss is told")
        };
        assert_eq!(error.code, Code::NotSignedIn);
    }

    #[tokio::test]
    async fn check_ins_are_read_too() {
        let accept = get(|upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(|mut socket| async move {
                let _ = socket.send(Frame::text(r#"{"needsRefresh":true,"userId":"ada"}"#)).await;
                socket.recv().await;
            })
        });
        let client = client_of(Router::new().route("/user/last_checked_in/stream", accept)).await;
        let Some(Event::Now(check_in)) = client.watch_last_checked_in().next().await else {
            panic!("told at once")
        };
        assert!(check_in.needs_refresh);
    }

    #[test]
    fn delays_grow_to_their_limit() {
        let mut backoff = Backoff::new(true);
        let longest: Vec<_> = (0..8).map(|_| backoff.delay(u64::MAX).as_millis()).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.delay(0), Duration::ZERO);
        backoff.attempts = u32::MAX;
        assert_eq!(backoff.delay(u64::MAX), Duration::from_secs(5));
    }
}
