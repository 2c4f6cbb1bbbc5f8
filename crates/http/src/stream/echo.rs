//! An echo behind the streams' own code, driven by what speaks WebSocket worse than clients do. It exists in tests only.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::error::Failure;
use crate::guard::Guard;
use crate::server::Server;

/// Nothing takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

async fn echo(State(streams): State<Streams>, upgrade: Option<Upgrade>) -> Answer {
    let upgrade = upgrade.ok_or_else(|| Failure::of_status(axum::http::StatusCode::UPGRADE_REQUIRED))?;
    let (say, mut heard) = mpsc::unbounded_channel();
    let hear = move |message| {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            drop(say.send(message));
        }
    };
    upgrade.exchange(stream::poll_fn(move |cx| heard.poll_recv(cx)), hear, &streams)
}

/// A server that echoes, and its port.
async fn serve() -> (Server, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::serving(0, |streams| Router::new().fallback(get(echo)).with_state(streams));
    server.listen(listener, Guard::new(port, &[]));
    (server, port)
}

/// Says `count` times "hello" and closes with 1000, all in one packet, and answers what came back until the end.
async fn say_and_close(port: u16, count: usize) -> Vec<u8> {
    let mut peer = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    // Masked with zeros, which is no change.
    let hello = b"\x81\x85\0\0\0\0hello".repeat(count);
    let bytes = [head.as_bytes(), &hello, b"\x88\x82\0\0\0\0\x03\xe8"].concat();
    peer.write_all(&bytes).await.unwrap();
    let mut back = Vec::new();
    timeout(PATIENCE, peer.read_to_end(&mut back)).await.expect("the connection ends").unwrap();
    back
}

#[tokio::test]
async fn a_close_is_answered_whatever_is_still_to_be_sent() {
    let (server, port) = serve().await;
    // Which of a waiting echo and the close is looked at first is chance.
    for count in 0..64 {
        let back = say_and_close(port, count).await;
        assert!(back.ends_with(b"\x88\x02\x03\xe8"), "after {count}: {:?}", String::from_utf8_lossy(&back));
    }
    server.shut_down().await;
}
