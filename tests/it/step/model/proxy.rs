//! A proxy in the middle of one line, and what can happen to a line: it is cut, silent in both directions or one, held up
//! as by a network that sends everything again, slow, or torn in the middle of what it carries.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// How a line is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line {
    Good,
    /// What is open is reset, and what comes is.
    Cut,
    /// What is sent is gone, and so is the connection it was sent over as soon as the line is good again.
    Silent(Ways),
    /// What is sent arrives when the line is good again.
    Held(Ways),
    /// Everything takes so much longer.
    Slow(Duration),
    /// The first half of what is sent next arrives, then the connection ends.
    Torn,
}

/// The directions something happens to: up is away from who connected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ways {
    Both,
    Up,
    Down,
}

#[derive(Clone, Copy)]
struct State {
    line: Line,
    target: SocketAddr,
    /// Connections that began before the last move are reset.
    moves: u64,
}

/// A proxy. Dropped, it is gone with all it carries.
pub(super) struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    serving: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(State { line: Line::Good, target, moves: 0 });
        let seen = state.subscribe();
        let serving = tokio::spawn(async move {
            loop {
                // Whoever went away before he was accepted is nobody's business.
                if let Ok((near, _)) = listener.accept().await {
                    tokio::spawn(carry(near, seen.clone()));
                }
            }
        });
        Self { address, state, serving }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn becomes(&self, line: Line) {
        self.state.send_modify(|state| state.line = line);
    }

    /// Leads somewhere else from now on.
    pub(super) fn lead_to(&self, target: SocketAddr) {
        self.state.send_modify(|state| *state = State { target, moves: state.moves + 1, ..*state });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Carries one connection to its end.
async fn carry(mut near: TcpStream, state: watch::Receiver<State>) {
    let State { line, target, moves } = *state.borrow();
    let far = if line == Line::Cut { None } else { TcpStream::connect(target).await.ok() };
    let Some(mut far) = far else {
        drop(near.set_zero_linger());
        return;
    };
    drop((near.set_nodelay(true), far.set_nodelay(true)));
    let (lost, _) = watch::channel(false);
    let is_broken = {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        tokio::select! {
            () = pump(near_read, far_write, Ways::Up, state.clone(), &lost) => false,
            () = pump(far_read, near_write, Ways::Down, state.clone(), &lost) => false,
            () = broken(state, moves, lost.subscribe()) => true,
        }
    };
    if is_broken {
        drop((near.set_zero_linger(), far.set_zero_linger()));
    }
}

/// Waits until the connection cannot go on: it was cut or moved, or bytes are missing from it.
async fn broken(mut state: watch::Receiver<State>, moves: u64, mut lost: watch::Receiver<bool>) {
    loop {
        let now = *state.borrow_and_update();
        let has_hole = *lost.borrow_and_update() && !matches!(now.line, Line::Silent(_));
        if now.line == Line::Cut || now.moves != moves || has_hole {
            return;
        }
        let changed = tokio::select! {
            changed = state.changed() => changed,
            changed = lost.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Carries one direction until it ends.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Ways,
    mut state: watch::Receiver<State>,
    lost: &watch::Sender<bool>,
) {
    let is_hit = |ways: Ways| ways == Ways::Both || ways == way;
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let mut count = from.read(&mut bytes).await.unwrap_or_default();
        let now = loop {
            let line = state.borrow_and_update().line;
            // Nobody hears that an end was closed either.
            let waits = matches!(line, Line::Held(ways) if is_hit(ways))
                || matches!(line, Line::Silent(ways) if is_hit(ways) && count == 0);
            if !waits || state.changed().await.is_err() {
                break line;
            }
        };
        match now {
            Line::Silent(ways) if is_hit(ways) => {
                lost.send_replace(true);
                continue;
            }
            Line::Slow(delay) => tokio::time::sleep(delay).await,
            Line::Torn => count /= 2,
            _ => {}
        }
        if count == 0 || to.write_all(&bytes[..count]).await.is_err() || now == Line::Torn {
            return;
        }
    }
}
