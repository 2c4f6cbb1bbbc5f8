//! Connections: accepting, limits, the guard before every request, and a shutdown that ends in time.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use usher_wire::{GuardStatus, UserApi};

use crate::answer::{Desk, answer};
use crate::connections::{Connections, Seat};
use crate::guard::Guard;
use crate::peers::{Listener, Peer, Peers};
use crate::router::{App, network_router, router};
use crate::stream::Streams;
use crate::watch::{self, Watched};

/// How long a connection may take to send the head of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// The same for a connection that is only told why it may not stay.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// Connections at once that are told why they may not stay; more are closed without a word.
const MAX_REFUSED: usize = 64;
/// The largest head of a request.
const MAX_HEAD: usize = 16 * 1024;
/// Requests of one HTTP/2 connection at once.
const MAX_REQUESTS: u32 = 100;
/// How often a peer that speaks HTTP/2 is asked whether it is there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long what is under way may take to end at shutdown.
const DRAIN_WITHIN: Duration = Duration::from_secs(4);

/// How much callers together may hold at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections, beside streams.
    pub connections: usize,
    /// Streams of one application with one token; callers without either count as one.
    pub streams_per_application: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 2048, streams_per_application: 1024 }
    }
}

/// One API on any number of listeners.
pub struct Server {
    shared: Arc<Shared>,
    tracker: TaskTracker,
    entrance: Handle,
}

struct Shared {
    router: Router,
    peers: Peers,
    closing: CancellationToken,
    connections: Arc<Connections>,
    refusals: Arc<Semaphore>,
    /// Told apart from other runs' requests in a log by the prefix.
    request_prefix: u32,
    requests: AtomicU64,
    /// The oldest version of a device this service still works with; said in every answer.
    minimum_version: Option<HeaderValue>,
}

/// How a connection is treated.
enum Standing {
    Seated(Seat),
    /// Told why, once, then closed.
    Refused(&'static Refusal),
}

/// Why a connection may not stay.
pub(crate) enum Refusal {
    /// It belongs to another user of the machine.
    Stranger,
    /// Everybody else is being answered.
    Full,
}

impl Server {
    /// A server of `api`, for `peers`. `run_id` tells this run's request ids from those of others; `guard` is what
    /// `GET /status` says of how callers are checked.
    pub fn new(
        api: Arc<dyn UserApi>,
        run_id: u32,
        limits: Limits,
        peers: Peers,
        guard: Option<GuardStatus>,
    ) -> Self {
        let guard = guard.map(Arc::new);
        Self::serving(run_id, limits, peers, |streams| {
            router(App { api, streams, guard, notices: Arc::default() })
        })
    }

    /// A server of `api` on the network: for everybody who has a token.
    pub fn of_network(api: Arc<dyn UserApi>, run_id: u32, limits: Limits) -> Self {
        Self::serving(run_id, limits, Peers::everybody(), |streams| {
            network_router(App { api, streams, guard: None, notices: Arc::default() })
        })
    }

    /// The same, whose every answer says which versions of a device are too old (`Usher-Minimum-Version`). Call before
    /// [`Server::listen`].
    pub fn wanting(mut self, version: Option<HeaderValue>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.minimum_version = version;
        }
        self
    }

    /// A server that says how another one is doing.
    pub fn of_watch(watched: Arc<dyn Watched>, run_id: u32) -> Self {
        Self::serving(run_id, Limits::default(), Peers::everybody(), |_| watch::router(watched))
    }

    /// A server of whatever routes there are.
    pub(crate) fn serving(
        run_id: u32,
        limits: Limits,
        peers: Peers,
        router: impl FnOnce(Streams) -> Router,
    ) -> Self {
        let (closing, tracker) = (CancellationToken::new(), TaskTracker::new());
        let streams = Streams::new(closing.clone(), tracker.clone(), limits.streams_per_application);
        let shared = Shared {
            router: router(streams),
            peers,
            closing,
            connections: Connections::new(limits.connections),
            refusals: Arc::new(Semaphore::new(MAX_REFUSED)),
            request_prefix: run_id,
            requests: AtomicU64::new(0),
            minimum_version: None,
        };
        let entrance = entrance(shared.closing.clone());
        Self { shared: Arc::new(shared), tracker, entrance }
    }

    /// Starts to accept on `listener`, a TCP listener or a Unix one, behind `guard`. Call within the runtime that serves.
    pub fn listen<L: Listener>(&self, listener: L, guard: Guard) {
        let (shared, tracker, guard) = (Arc::clone(&self.shared), self.tracker.clone(), Arc::new(guard));
        let serving = Handle::current();
        // Waited for at the end as what it lets in: it holds the API as well.
        let accepting = async move {
            let closing = shared.closing.clone();
            let mut is_failing = false;
            let listener = match listener.moved() {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "a listener is lost: start again"),
            };
            while let Some(accepted) = closing.run_until_cancelled(listener.next(&shared.peers)).await {
                match accepted {
                    Ok((stream, peer)) => {
                        is_failing = false;
                        if let Some(task) = shared.admit::<L>(stream, peer, &guard).await {
                            tracker.spawn_on(task, &serving);
                        }
                    }
                    Err(error) => {
                        // Out of file descriptors or the like: it passes when a connection ends.
                        if !std::mem::replace(&mut is_failing, true) {
                            tracing::warn!(%error, "connections cannot be accepted");
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        };
        self.tracker.spawn_on(accepting, &self.entrance);
    }

    /// Stops accepting, ends streams, lets requests finish; returns when all did, within 4 s in any case.
    pub async fn shut_down(self) {
        self.shared.closing.cancel();
        self.tracker.close();
        if tokio::time::timeout(DRAIN_WITHIN, self.tracker.wait()).await.is_err() {
            tracing::warn!(connections = self.tracker.len(), "connections were left open at the end");
        }
    }
}

/// The thread that lets callers in, so that nobody has to wait at the door while others are being answered. The system
/// lets in only so many unseen; whoever comes beyond that tries again after a second.
fn entrance(closing: CancellationToken) -> Handle {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs a file descriptor, and the daemon has just started");
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("entrance".into())
        .spawn(move || runtime.block_on(closing.cancelled()))
        .expect("a thread can be made, as for the store");
    handle
}

impl Shared {
    /// What serves a new connection, if there is room for it.
    async fn admit<L: Listener>(
        self: &Arc<Self>,
        stream: L::Accepted,
        peer: Peer,
        guard: &Arc<Guard>,
    ) -> Option<impl Future<Output = ()> + Send + use<L>> {
        let standing = match peer {
            Peer::Stranger => Standing::Refused(&Refusal::Stranger),
            Peer::Own => {
                self.connections.seat().await.map_or(Standing::Refused(&Refusal::Full), Standing::Seated)
            }
        };
        let told = match standing {
            Standing::Seated(_) => None,
            Standing::Refused(_) => Some(Arc::clone(&self.refusals).try_acquire_owned().ok()?),
        };
        let (shared, guard) = (Arc::clone(self), Arc::clone(guard));
        let manners = Manners { standing, address: L::address(&stream), may_speak_http2: L::HTTP2 };
        Some(async move {
            match L::open(stream).await {
                Ok(stream) => connection(stream, shared, guard, manners).await,
                Err(error) => tracing::debug!(%error, "a connection ended before its first word"),
            }
            drop(told);
        })
    }

    /// Letters only: pieces-cli looks for digits like `401` anywhere in an answer to choose its words.
    fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let letters = |digit: char| digit.to_digit(16).map_or(digit, |digit| char::from(b'a' + digit as u8));
        format!("{:08x}-{number:x}", self.request_prefix).chars().map(letters).collect()
    }
}

/// How a connection is spoken with.
struct Manners {
    standing: Standing,
    address: Option<IpAddr>,
    may_speak_http2: bool,
}

async fn connection<S>(stream: S, shared: Arc<Shared>, guard: Arc<Guard>, manners: Manners)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let closing = shared.closing.clone();
    let Manners { standing, address, may_speak_http2 } = manners;
    let (seat, refusal) = match standing {
        Standing::Seated(seat) => (Some(Arc::new(seat)), None),
        Standing::Refused(refusal) => (None, Some(refusal)),
    };
    let sitting = seat.clone();
    // HTTP/2 asks for several things at once: the connection waits when the last of them is answered.
    let asked = Arc::new(AtomicUsize::new(0));
    let service = service_fn(move |request| {
        let (shared, guard, seat, asked) =
            (Arc::clone(&shared), Arc::clone(&guard), sitting.clone(), Arc::clone(&asked));
        async move {
            asked.fetch_add(1, Ordering::Relaxed);
            seat.as_ref().inspect(|seat| seat.answering());
            let desk = Desk { router: &shared.router, guard: &guard, refusal, address };
            let mut response = answer(&desk, request, || shared.request_id()).await;
            if let Some(version) = &shared.minimum_version {
                response.headers_mut().insert("usher-minimum-version", version.clone());
            }
            if asked.fetch_sub(1, Ordering::Relaxed) == 1 {
                seat.as_ref().inspect(|seat| seat.waiting());
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let heads_within = if refusal.is_some() { REFUSED_WITHIN } else { HEADERS_WITHIN };
    let stream = TokioIo::new(stream);
    if may_speak_http2 {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        let http1 = &mut builder.http1();
        http1.timer(TokioTimer::new()).header_read_timeout(heads_within).max_buf_size(MAX_HEAD);
        let http2 = &mut builder.http2();
        http2.timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
        http2.max_header_list_size(MAX_HEAD as u32).max_concurrent_streams(MAX_REQUESTS);
        let serving = std::pin::pin!(builder.serve_connection_with_upgrades(stream, service));
        drive(serving, |serving| serving.graceful_shutdown(), seat.as_deref(), &closing).await;
    } else {
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(heads_within)
            .keep_alive(refusal.is_none())
            .max_buf_size(MAX_HEAD)
            .serve_connection(stream, service)
            .with_upgrades();
        let serving = std::pin::pin!(serving);
        drive(serving, |serving| serving.graceful_shutdown(), seat.as_deref(), &closing).await;
    }
}

/// Serves a connection until it ends, the server closes, or its seat is given to somebody else.
async fn drive<F, E: std::fmt::Display>(
    mut serving: Pin<&mut F>,
    shut_down: impl FnOnce(Pin<&mut F>),
    seat: Option<&Seat>,
    closing: &CancellationToken,
) where
    F: Future<Output = Result<(), E>>,
{
    let taken = async {
        match seat {
            Some(seat) => seat.taken().await,
            None => std::future::pending().await,
        }
    };
    let mut newcomer = seat;
    let heard = poll_fn(|context| {
        let polled = serving.as_mut().poll(context);
        newcomer.take().inspect(|seat| seat.listened());
        polled
    });
    let ended = tokio::select! {
        ended = heard => ended,
        () = closing.cancelled() => {
            shut_down(serving.as_mut());
            serving.await
        }
        () = taken => {
            tracing::debug!("a connection that waited made room for a new one");
            return;
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
