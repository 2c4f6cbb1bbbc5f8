//! An echo behind the streams' own code, driven by what speaks WebSocket worse than clients do. It exists in tests only.

use std::collections::HashMap;
use std::ffi::OsString;
use std::process::Command;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use usher_wire::Pages;

use super::*;
use crate::error::Failure;
use crate::guard::{Guard, Mode};
use crate::peers::Peers;
use crate::server::{Limits, Server};

/// The largest message of the Autobahn cases; streams themselves take far less.
const LARGEST: usize = 16 * 1024 * 1024;
/// Cases with a good message and a fault in one packet: the connection fails at once, and whether the echo goes out
/// before is chance.
const ECHO_OR_FAULT: [&str; 10] =
    ["3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"];
/// Cases where text breaks UTF-8 in the middle of a frame: the library sees it when the frame is complete.
const LATE_UTF8: [&str; 2] = ["6.4.3", "6.4.4"];
/// Cases for which the protocol says nothing: data on its way when the peer closes, and undefined close codes.
const LEFT_OPEN: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];
/// Nothing takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

async fn echo(State(streams): State<Streams>, upgrade: Option<Upgrade>) -> Answer {
    let Upgrade { upgrade, holder, visit } =
        upgrade.ok_or_else(|| Failure::of_status(axum::http::StatusCode::UPGRADE_REQUIRED))?;
    let upgrade =
        upgrade.max_message_size(LARGEST).max_frame_size(LARGEST).max_write_buffer_size(LARGEST + 1024);
    let upgrade = Upgrade { upgrade, holder, visit };
    let (say, mut heard) = mpsc::unbounded_channel();
    let hear = move |message| {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            drop(say.send(message));
        }
    };
    upgrade.exchange(stream::poll_fn(move |cx| heard.poll_recv(cx)), hear, &streams)
}

/// Nobody approved any page.
struct NoPages;

impl Pages for NoPages {
    fn verdict(&self, _: &str) -> Option<bool> {
        None
    }
}

/// A server that echoes, and its port.
async fn serve() -> (Server, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::serving(0, Limits::default(), Peers::new(&[]), |streams| {
        Router::new().fallback(get(echo)).with_state(streams)
    });
    server.listen(listener, Guard::new(port, &[], Arc::new(NoPages), Mode::Strict));
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
    if let Some(kosoku) = std::env::var_os("USHER_TEST_KOSOKU") {
        autobahn(kosoku, port).await;
    }
    server.shut_down().await;
}

/// Has the Autobahn cases driven by the program that `./test websocket` fetches.
async fn autobahn(kosoku: OsString, port: u16) {
    let reports = tempfile::tempdir().unwrap();
    let mut command = Command::new(kosoku);
    // 12 and 13 are compression, which is never negotiated.
    command.args(["-m", "fuzzingclient", "-p", "4", "-x", "12.*", "-x", "13.*", "-o"]);
    command.arg(reports.path()).arg(format!("127.0.0.1:{port}"));
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap().unwrap();
    let index = std::fs::read(reports.path().join("index.json")).unwrap();
    let index: HashMap<String, HashMap<String, Case>> = serde_json::from_slice(&index).unwrap();
    let cases: Vec<_> = index.into_values().flatten().collect();
    let wrong: Vec<_> = cases.iter().filter(|(id, case)| !case.is_right(id)).collect();
    assert!(status.success() && wrong.is_empty(), "{status}, {wrong:?}");
    assert_eq!(cases.len(), 301, "every case but those left out");
}

/// How a case ended.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    behavior: String,
    behavior_close: String,
}

impl Case {
    fn is_right(&self, id: &str) -> bool {
        match (self.behavior.as_str(), self.behavior_close.as_str()) {
            ("OK", "OK") => true,
            ("NON-STRICT", "OK") => ECHO_OR_FAULT.contains(&id) || LATE_UTF8.contains(&id),
            ("INFORMATIONAL", "INFORMATIONAL") => LEFT_OPEN.contains(&id),
            _ => false,
        }
    }
}
