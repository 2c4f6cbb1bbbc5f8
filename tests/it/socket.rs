//! The client end of a WebSocket, read only when a test says so: ten thousand of them cost nothing.

use std::{
    io::{self, BufReader, Read},
    time::Duration,
};

use serde_json::Value;

use crate::http::{Connection, Reply, Stream};

/// An open stream. Control frames of the peer are not answered.
pub(crate) struct Socket(BufReader<Stream>);

/// What a peer sends.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Text(String),
    /// Its status code.
    Close(u16),
}

impl Socket {
    /// Upgrades, and reads nothing of what follows.
    pub(crate) fn open(url: &str, path: &str) -> Self {
        Self::try_open(Connection::open(url), path, &[]).unwrap_or_else(|reply| panic!("{path}: {reply}"))
    }

    /// The same over this connection with more headers; or what was answered instead.
    pub(crate) fn try_open(
        connection: Connection,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Reply> {
        Self::shake_hands(connection, path, headers).map(|(socket, _)| socket)
    }

    /// The same with the answer to the handshake.
    pub(crate) fn shake_hands(
        mut connection: Connection,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Self, Reply), Reply> {
        let handshake = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let reply = connection.ask("GET", path, &[&handshake, headers].concat(), b"");
        if reply.status == 101 { Ok((Self(connection.into_stream()), reply)) } else { Err(reply) }
    }

    /// The next frame that is not a ping; an error when none comes within the time.
    pub(crate) fn next(&mut self, within: Duration) -> io::Result<Frame> {
        self.0.get_ref().set_read_timeout(within)?;
        loop {
            let (opcode, payload) = self.frame()?;
            match opcode {
                0x1 => return Ok(Frame::Text(String::from_utf8(payload).expect("a text frame is UTF-8"))),
                0x8 => return Ok(Frame::Close(u16::from_be_bytes([payload[0], payload[1]]))),
                0x9 => {}
                other => panic!("a frame of kind {other}"),
            }
        }
    }

    /// The text of the next frame.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        match self.next(Duration::from_secs(20)) {
            Ok(Frame::Text(text)) => text,
            other => panic!("no text but {other:?}"),
        }
    }

    /// The profile in the next frame.
    #[track_caller]
    pub(crate) fn profile(&mut self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    /// Reads to the end; answers the code of the close frame that came before it.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next(Duration::from_secs(10)) {
                Ok(Frame::Text(_)) => {}
                Ok(Frame::Close(code)) => return Some(code),
                Err(_) => return None,
            }
        }
    }

    /// RFC 6455, 5.2. What a server sends is whole and not masked.
    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        assert_eq!((head[0] & 0xf0, head[1] & 0x80), (0x80, 0), "final and unmasked");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload)?;
        Ok((head[0] & 0x0f, payload))
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).map(|()| bytes)
    }
}
