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

/// A client of a server that speaks `usher.v1`: its nth connection is asked for at this place, and sent these frames.
async fn speaking_changes(frames: &'static [(&'static str, &'static [&'static str])]) -> Client {
    let connections = Arc::new(AtomicUsize::new(0));
    let accept = get(move |uri: Uri, upgrade: WebSocketUpgrade| async move {
        let nth = connections.fetch_add(1, Ordering::SeqCst).min(frames.len() - 1);
        let (query, frames) = frames[nth];
        assert_eq!(uri.query(), Some(query), "connection {nth}");
        upgrade.protocols(["usher.v1"]).on_upgrade(move |mut socket| async move {
            for frame in frames {
                let _ = socket.send(Frame::text(*frame)).await;
            }
        })
    });
    client_of(Router::new().route("/user/stream", accept)).await
}

const ADA: &str = r#"{"version":"a","user":{"id":"ada","name":"Ada","aesthetics":{"font":{"size":14},"theme":{"dark":false}}}}"#;

fn name(event: Event<Arc<Present>>) -> Option<String> {
    match event {
        Event::Now(present) => Some(present.user.as_ref()?.name.clone().unwrap_or_default()),
        Event::Lost { .. } => Some("lost".to_owned()),
    }
}

#[tokio::test]
async fn changes_are_laid_over_what_is_known_and_go_on_after_a_loss() {
    let client = speaking_changes(&[
        ("types=all", &[ADA, r#"{"version":"b","base":"a","changed":{"name":"Countess"}}"#]),
        ("types=all&since=b", &[r#"{"version":"b"}"#, r#"{"version":"c","base":"b","removed":["name"]}"#]),
        ("types=all&since=c", &[r#"{"version":"d","user":null}"#]),
        ("types=all&since=d", &[ADA]),
    ])
    .await;
    let events: Vec<_> = client.watch_user().map(name).take(9).collect().await;
    let told: Vec<_> = events.iter().map(|name| name.as_deref()).collect();
    let lost = Some("lost");
    assert_eq!(
        told,
        [Some("Ada"), Some("Countess"), lost, Some("Countess"), Some(""), lost, None, lost, Some("Ada")]
    );
}

#[tokio::test]
async fn a_change_of_another_state_is_not_laid_over_this_one() {
    let client = speaking_changes(&[
        ("types=all", &[ADA, r#"{"version":"c","base":"b","changed":{"name":"Mallory"}}"#]),
        ("types=all", &[ADA]),
    ])
    .await;
    let told: Vec<_> = client.watch_user().map(name).take(3).collect().await;
    assert_eq!(told, [Some("Ada".into()), Some("lost".into()), Some("Ada".into())], "it is asked for anew");
}

#[tokio::test]
async fn who_connects_himself_keeps_what_is_known() {
    let client =
        speaking_changes(&[("types=all", &[ADA]), ("types=all&since=a", &[r#"{"version":"a"}"#])]).await;
    let known = Known::default();
    for _ in 0..2 {
        let states = client.connect_user_from(&Caller::default(), &known).await.unwrap();
        let states: Vec<_> = states.collect().await;
        assert_eq!(states.len(), 1);
        assert_eq!(states[0].user.as_ref().unwrap().name.as_deref(), Some("Ada"));
    }
}

#[tokio::test]
async fn a_service_that_chooses_what_was_not_offered_is_none() {
    let accept = get(|upgrade: WebSocketUpgrade| async move {
        let mut response = upgrade.on_upgrade(|_| async {});
        response.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
        response
    });
    let client = client_of(Router::new().route("/user/stream", accept)).await;
    let error = client.stream_user(&Caller::default()).await.err().unwrap();
    assert_eq!(error.code, Code::Unreachable, "{error}");
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
