//! Connections: accepting, limits, the guard before every request, and a shutdown that ends in time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use usher_wire::UserApi;

use crate::error::{Failure, render, wants_problem};
use crate::guard::Guard;
use crate::router::{App, router};
use crate::stream::Streams;

/// Streams at once; one more is refused.
const MAX_STREAMS: usize = 16 * 1024;
/// Connections at once, beside streams; more wait in the system's own queue until one ends.
const MAX_CONNECTIONS: usize = 16 * 1024;
/// How long a connection may take to send the head of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// The largest head of a request.
const MAX_HEAD: usize = 16 * 1024;
/// How long what is under way may take to end at shutdown.
const DRAIN_WITHIN: Duration = Duration::from_secs(4);

/// One API on any number of listeners.
pub struct Server {
    shared: Arc<Shared>,
    tracker: TaskTracker,
}

struct Shared {
    router: Router,
    closing: CancellationToken,
    connections: Arc<Semaphore>,
    /// Told apart from other runs' requests in a log by the prefix.
    request_prefix: u32,
    requests: AtomicU64,
}

impl Server {
    /// A server of `api`. `run_id` tells this run's request ids from those of others.
    pub fn new(api: Arc<dyn UserApi>, run_id: u32) -> Self {
        let closing = CancellationToken::new();
        let tracker = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(MAX_STREAMS));
        let streams = Streams { closing: closing.clone(), tracker: tracker.clone(), slots };
        let router = router(App { api, streams });
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let shared =
            Shared { router, closing, connections, request_prefix: run_id, requests: AtomicU64::new(0) };
        Self { shared: Arc::new(shared), tracker }
    }

    /// Starts to accept on `listener`, behind `guard`.
    pub fn listen(&self, listener: TcpListener, guard: Guard) {
        let (shared, tracker, guard) = (Arc::clone(&self.shared), self.tracker.clone(), Arc::new(guard));
        self.tracker.spawn(async move {
            let closing = shared.closing.clone();
            tokio::select! {
                () = accept(&listener, &shared, &tracker, &guard) => {}
                () = closing.cancelled() => {}
            }
        });
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

async fn accept(listener: &TcpListener, shared: &Arc<Shared>, tracker: &TaskTracker, guard: &Arc<Guard>) {
    let mut is_failing = false;
    loop {
        let Ok(permit) = Arc::clone(&shared.connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                is_failing = false;
                let (shared, guard) = (Arc::clone(shared), Arc::clone(guard));
                tracker.spawn(async move {
                    connection(stream, shared, guard).await;
                    drop(permit);
                });
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
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, guard: Arc<Guard>) {
    // Frames and answers are small and must not wait for each other.
    drop(stream.set_nodelay(true));
    let closing = shared.closing.clone();
    let service = service_fn(move |request| {
        let (shared, guard) = (Arc::clone(&shared), Arc::clone(&guard));
        async move { Ok::<_, std::convert::Infallible>(answer(&shared, &guard, request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = closing.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(shared: &Shared, guard: &Guard, request: Request<Incoming>) -> Response {
    let wants_problem = wants_problem(request.headers());
    let response = match guard.check(&request) {
        Ok(()) => {
            let mut router = shared.router.clone();
            let handled = AssertUnwindSafe(router.call(request.map(Body::new))).catch_unwind().await;
            handled.map_or_else(
                |_| Failure::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
                |Ok::<_, std::convert::Infallible>(response)| response,
            )
        }
        Err(refusal) => refusal.into_response(),
    };
    let mut response = render(response, wants_problem, || shared.request_id());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

impl Shared {
    /// Letters only: pieces-cli looks for digits like `401` anywhere in an answer to choose its words.
    fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let letters = |digit: char| digit.to_digit(16).map_or(digit, |digit| char::from(b'a' + digit as u8));
        format!("{:08x}-{number:x}", self.request_prefix).chars().map(letters).collect()
    }
}
