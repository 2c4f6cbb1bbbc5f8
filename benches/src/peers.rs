//! What the daemon is compared with. Each peer is this program as a process of its own, reads its content from standard
//! input, and says where it listens as the daemon does.

mod ungrouped;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use axum::serve::ListenerExt;

use crate::Peer;

/// Is a peer until it is killed.
pub(crate) fn run(peer: Peer) -> Result<()> {
    match peer {
        Peer::Bare => runtime()?.block_on(bare()),
        Peer::Loop => one_loop(),
        Peer::Ungrouped { data_dir } => runtime()?.block_on(ungrouped::serve(&data_dir)),
    }
}

/// The runtime the daemon has.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

fn input() -> Result<Bytes> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    ensure!(!bytes.is_empty(), "standard input is empty");
    Ok(bytes.into())
}

fn announce(port: u16) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on http://127.0.0.1:{port}")?;
    Ok(stdout.flush()?)
}

/// A handler that answers ready bytes and does nothing else.
async fn bare() -> Result<()> {
    let body = input()?;
    let answer = move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], body.clone()));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    announce(listener.local_addr()?.port())?;
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, Router::new().route("/user", get(answer))).await?)
}

/// The floor of every push: one system call for each socket, from one loop. Each byte on the first connection is a push;
/// every later connection gets the frame at once, and then with each push.
fn one_loop() -> Result<()> {
    let frame = input()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    announce(listener.local_addr()?.port())?;
    let (mut trigger, _) = listener.accept()?;
    let sockets = Arc::new(Mutex::new(Vec::new()));
    let (accepted, first) = (Arc::clone(&sockets), frame.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if prepare(&stream).and_then(|()| push(&stream, &first)).is_ok() {
                accepted.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
            }
        }
    });
    while trigger.read(&mut [0])? == 1 {
        for socket in sockets.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            push(socket, &frame)?;
        }
    }
    Ok(())
}

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)
}

/// Sends a frame to a reader that keeps up.
fn push(mut stream: &TcpStream, frame: &[u8]) -> std::io::Result<()> {
    match stream.write(frame)? {
        all if all == frame.len() => Ok(()),
        _ => Err(std::io::ErrorKind::WriteZero.into()),
    }
}
