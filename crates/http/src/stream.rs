//! WebSockets: one task for each, which sends what a stream yields, pings, and forgets a peer that is gone. A slow reader
//! blocks only its own task, and gets the newest state when it reads again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use usher_wire::{Code, Error};

use crate::caller;
use crate::guard::Visit;
use crate::routes::Answer;

mod deltas;

pub(crate) use deltas::{Changes, Deltas};

/// How often a peer is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Unanswered pings after which a peer counts as gone.
const MISSED_PINGS: u32 = 2;
/// How long a peer may leave a frame unread before it counts as gone.
const SEND_WITHIN: Duration = Duration::from_secs(60);
/// How long a peer may take to answer our closing.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// Clients send nothing but control frames.
const MAX_INCOMING: usize = 64 * 1024;

/// Streams of all applications together: an id is only something a caller says, so there are as many as he likes.
const MAX_STREAMS: usize = 16 * 1024;

/// The open streams of a server: told to close together, and waited for.
#[derive(Clone)]
pub(crate) struct Streams {
    /// Cancelled when the server drains.
    pub(crate) closing: CancellationToken,
    /// Waits for them at the end.
    tracker: TaskTracker,
    open: Arc<Open>,
    /// What readers of changes share.
    pub(crate) deltas: Arc<Deltas>,
}

/// How many streams are open, by who holds them.
struct Open {
    most: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_holder: HashMap<u64, usize>,
}

/// The place of one open stream; free again when dropped.
struct Slot {
    open: Arc<Open>,
    holder: u64,
}

/// A request that may want to become a WebSocket.
pub(crate) struct Upgrade {
    upgrade: WebSocketUpgrade,
    /// What stands for the application and the token; each is only as long as a caller likes.
    holder: u64,
    visit: Option<Visit>,
}

impl Streams {
    /// No streams yet, and at most so many of one application.
    pub(crate) fn new(closing: CancellationToken, tracker: TaskTracker, most_per_application: usize) -> Self {
        Self {
            closing,
            tracker,
            open: Arc::new(Open { most: most_per_application, counts: Mutex::default() }),
            deltas: Arc::default(),
        }
    }
}

impl Open {
    fn take(self: &Arc<Self>, holder: u64) -> Option<Slot> {
        let mut counts = self.counts();
        let own = counts.by_holder.get(&holder).copied().unwrap_or_default();
        if own >= self.most || counts.all >= MAX_STREAMS {
            return None;
        }
        counts.all += 1;
        counts.by_holder.insert(holder, own + 1);
        drop(counts);
        metrics::gauge!("usher_streams").increment(1);
        Some(Slot { open: Arc::clone(self), holder })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        metrics::gauge!("usher_streams").decrement(1);
        let mut counts = self.open.counts();
        counts.all -= 1;
        match counts.by_holder.get_mut(&self.holder) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.by_holder.remove(&self.holder)),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Upgrade {
    type Rejection = Response;

    /// `None` for a plain GET; an attempt at a handshake that is not one is refused.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Response> {
        if !parts.headers.contains_key(header::UPGRADE) {
            return Ok(None);
        }
        let upgrade = <WebSocketUpgrade as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?
            // The library's default is 128 KiB for each socket, allocated at once; what comes in are control frames.
            .read_buffer_size(256)
            .write_buffer_size(0)
            // One frame at a time is in it: the largest profile there can be, with all its organisations.
            .max_write_buffer_size(8 * 1024 * 1024)
            .max_message_size(MAX_INCOMING)
            .max_frame_size(MAX_INCOMING);
        let mut holder = DefaultHasher::new();
        (caller::application(&parts.headers), parts.headers.get(header::AUTHORIZATION)).hash(&mut holder);
        let holder = holder.finish();
        Ok(Some(Self { upgrade, holder, visit: parts.extensions.get().cloned() }))
    }
}

impl Upgrade {
    /// Chooses this sub-protocol if the client offers it, and says whether.
    pub(crate) fn choose(mut self, protocol: &'static str) -> (Self, bool) {
        self.upgrade = self.upgrade.protocols([protocol]);
        let is_chosen = self.upgrade.selected_protocol().is_some();
        (self, is_chosen)
    }

    /// Answers 101 and sends `frames` until they end, the peer goes, or the server closes.
    pub(crate) fn serve(self, frames: BoxStream<'static, Utf8Bytes>, streams: &Streams) -> Answer {
        let frames = frames.map(Message::Text);
        match self.visit.clone() {
            None => self.exchange(frames, |_| (), streams),
            // A page that is no longer welcome learns nothing more.
            Some(visit) => {
                let frames = frames.take_while(move |_| std::future::ready(visit.is_welcome()));
                self.exchange(frames, |_| (), streams)
            }
        }
    }

    /// The same with any kind of message, and with what the peer sends given to `hear`.
    fn exchange(
        self,
        frames: impl Stream<Item = Message> + Send + Unpin + 'static,
        hear: impl FnMut(Message) + Send + 'static,
        streams: &Streams,
    ) -> Answer {
        let slot = streams.open.take(self.holder).ok_or_else(|| {
            Error::new(Code::TooManyRequests, "too many streams are open: close some and try again")
        })?;
        let (closing, open) = (streams.closing.clone(), streams.tracker.token());
        let response = self.upgrade.on_upgrade(move |socket| async move {
            run(socket, frames, hear, closing).await;
            drop((open, slot));
        });
        Ok(response)
    }
}

async fn run(
    mut socket: WebSocket,
    mut frames: impl Stream<Item = Message> + Unpin,
    mut hear: impl FnMut(Message),
    closing: CancellationToken,
) {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut unanswered = 0;
    let farewell = loop {
        tokio::select! {
            frame = frames.next() => {
                let Some(frame) = frame else { break Some((1000, "there is no more to tell")) };
                if !send(&mut socket, frame).await {
                    return;
                }
            }
            message = socket.recv() => match message {
                // From here on a frame would fail, and keep the library from sending its answer.
                Some(Ok(Message::Close(_))) => break None,
                Some(Ok(message)) => {
                    unanswered = 0;
                    hear(message);
                }
                Some(Err(_)) | None => return,
            },
            _ = ping.tick() => {
                if unanswered == MISSED_PINGS || !send(&mut socket, Message::Ping(Default::default())).await {
                    return;
                }
                unanswered += 1;
            }
            // The endpoint goes away (RFC 6455, 7.4.1).
            () = closing.cancelled() => break Some((1001, "the daemon stops")),
        }
    };
    close(&mut socket, farewell).await;
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(SEND_WITHIN, socket.send(message)).await, Ok(Ok(())))
}

/// Closes with a code and a reason, or ends what the peer closed: the library answers a close while one reads on.
async fn close(socket: &mut WebSocket, farewell: Option<(u16, &'static str)>) {
    let frame = farewell.map(|(code, reason)| CloseFrame { code, reason: Utf8Bytes::from_static(reason) });
    let ending = async {
        if frame.is_none() || socket.send(Message::Close(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // A peer that does not answer is left behind.
    drop(timeout(CLOSE_WITHIN, ending).await);
}

#[cfg(test)]
mod echo;
