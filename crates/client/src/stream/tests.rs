//! Watches against servers that drop, refuse and stay silent.

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
        let Some(Event::Now(present)) = events.next().await else { panic!("the present state comes first") };
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
    let Some(Event::Lost { error, .. }) = client.watch_user().next().await else { panic!("a loss is told") };
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
