//! Many sockets that listen: WebSockets of the daemon, or bare ones that get the same frames.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};

use crate::load::wait;
use crate::requests::connect;

/// How long a frame may take to reach every socket.
const ARRIVES_WITHIN: Duration = Duration::from_secs(20);
/// A masked, empty pong.
const PONG: [u8; 6] = [0x8A, 0x80, 0, 0, 0, 0];

/// Sockets that have nothing unread.
pub(crate) struct Sockets {
    epoll: rustix::fd::OwnedFd,
    sockets: Vec<Socket>,
    buffer: Box<[u8]>,
}

struct Socket {
    stream: TcpStream,
    frames: Frames,
    /// Text frames that came whole.
    texts: usize,
}

impl Sockets {
    /// Opens `count` sockets, each with a handshake if there is a path to ask for, and waits for their first frames.
    pub(crate) fn open(port: u16, count: usize, path: Option<&str>) -> Result<Self> {
        let mut opened = Self::none()?;
        for _ in 0..count {
            opened.add(port, path, "")?;
        }
        opened.wait_for_all()?;
        Ok(opened)
    }

    /// The same with one for the holder of each token.
    pub(crate) fn open_as(port: u16, tokens: &[String], path: &str) -> Result<Self> {
        let mut opened = Self::none()?;
        for token in tokens {
            opened.add(port, Some(path), &format!("Authorization: Bearer {token}\r\n"))?;
        }
        opened.wait_for_all()?;
        Ok(opened)
    }

    fn none() -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, sockets: Vec::new(), buffer: vec![0; 64 * 1024].into_boxed_slice() })
    }

    fn add(&mut self, port: u16, path: Option<&str>, headers: &str) -> Result<()> {
        let stream = connect(port).context("cannot connect")?;
        let mut socket = Socket { stream, frames: Frames::default(), texts: 0 };
        if let Some(path) = path {
            socket.shake_hands(port, path, headers)?;
        }
        socket.stream.set_nonblocking(true)?;
        let number = epoll::EventData::new_u64(self.sockets.len() as u64);
        epoll::add(&self.epoll, &socket.stream, number, epoll::EventFlags::IN)?;
        self.sockets.push(socket);
        Ok(())
    }

    /// Reads what has come and waits for none of it: somebody else may have caused it.
    pub(crate) fn forget(&mut self) -> Result<()> {
        for socket in &mut self.sockets {
            socket.read(&mut self.buffer)?;
            socket.texts = 0;
        }
        Ok(())
    }

    /// How long it takes from the trigger until every socket has a whole text frame.
    pub(crate) fn deliver(&mut self, trigger: impl FnOnce() -> Result<()>) -> Result<Duration> {
        for socket in &mut self.sockets {
            ensure!(socket.texts == 0, "a frame that nothing triggered");
        }
        let begin = Instant::now();
        trigger()?;
        self.wait_for_all()?;
        Ok(begin.elapsed())
    }

    fn wait_for_all(&mut self) -> Result<()> {
        let end = Instant::now() + ARRIVES_WITHIN;
        let tick = Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut events = Vec::with_capacity(512);
        let mut missing = self.sockets.iter().filter(|socket| socket.texts == 0).count();
        while missing > 0 {
            ensure!(Instant::now() < end, "{missing} sockets wait for a frame");
            wait(&self.epoll, &mut events, &tick)?;
            for event in events.drain(..) {
                let socket = &mut self.sockets[event.data.u64() as usize];
                let had = socket.texts > 0;
                socket.read(&mut self.buffer)?;
                missing -= usize::from(!had && socket.texts > 0);
            }
        }
        for socket in &mut self.sockets {
            socket.texts -= 1;
        }
        Ok(())
    }
}

impl Socket {
    fn shake_hands(&mut self, port: u16, path: &str, headers: &str) -> Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        self.stream.write_all(request.as_bytes())?;
        let mut received = Vec::new();
        loop {
            let mut part = [0; 4096];
            let read = self.stream.read(&mut part)?;
            ensure!(read > 0, "closed during the handshake");
            received.extend_from_slice(&part[..read]);
            if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
                ensure!(
                    received.starts_with(b"HTTP/1.1 101"),
                    "no WebSocket: {}",
                    String::from_utf8_lossy(&received)
                );
                return self.take(&received[end + 4..]);
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<()> {
        match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed a stream"),
            Ok(read) => self.take(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let mut pings = 0;
        self.frames.take(bytes, |kind| match kind {
            Kind::Text => self.texts += 1,
            Kind::Ping => pings += 1,
        })?;
        for _ in 0..pings {
            self.stream.write_all(&PONG)?;
        }
        Ok(())
    }
}

/// The frames that are expected.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Ping,
}

/// Finds where frames of a server (RFC 6455, 5.2: whole ones, not masked) end.
#[derive(Debug, Default)]
struct Frames {
    head: Vec<u8>,
    /// The frame whose head was read, and how much of it is to come.
    open: Option<(Kind, usize)>,
}

impl Frames {
    fn take(&mut self, mut bytes: &[u8], mut ended: impl FnMut(Kind)) -> Result<()> {
        loop {
            if let Some((kind, left)) = self.open {
                let part = left.min(bytes.len());
                bytes = &bytes[part..];
                if part < left {
                    self.open = Some((kind, left - part));
                    return Ok(());
                }
                self.open = None;
                ended(kind);
            }
            let Some((first, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.head.push(*first);
            self.open = self.parse()?;
            if self.open.is_some() {
                self.head.clear();
            }
        }
    }

    fn parse(&self) -> Result<Option<(Kind, usize)>> {
        let (kind, length) = match self.head.as_slice() {
            [_] => return Ok(None),
            [0x81, rest @ ..] => (Kind::Text, rest),
            [0x89, rest @ ..] => (Kind::Ping, rest),
            other => bail!("an unexpected frame: {other:02x?}"),
        };
        Ok(match length {
            [small @ ..=125] => Some((kind, usize::from(*small))),
            [126, high, low] => Some((kind, usize::from(u16::from_be_bytes([*high, *low])))),
            [126, ..] if length.len() < 3 => None,
            _ => bail!("a frame of an unexpected length"),
        })
    }
}

/// A text frame as a server sends it, of at most 64 KiB.
pub(crate) fn frame(text: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(text.len()).context("a text that is too long")?;
    ensure!(length > 125, "a text that is too short");
    Ok([&[0x81, 126], length.to_be_bytes().as_slice(), text].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_however_they_are_cut() {
        let text = frame(&[b'a'; 300]).unwrap();
        let bytes = [text.as_slice(), &[0x89, 0], &text, &[0x81, 0]].concat();
        for size in [1, 2, 3, 7, 303, 304, 1000] {
            let (mut frames, mut kinds) = (Frames::default(), Vec::new());
            for part in bytes.chunks(size) {
                frames.take(part, |kind| kinds.push(kind)).unwrap();
            }
            assert_eq!(kinds, [Kind::Text, Kind::Ping, Kind::Text, Kind::Text], "parts of {size}");
        }
        assert!(Frames::default().take(&[0x88, 0], drop).is_err());
    }
}
