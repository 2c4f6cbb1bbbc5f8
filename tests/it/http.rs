//! Requests as bytes: a caller that can send what no library would, and reads what really comes back.

#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// No answer may take longer, except where a test says so.
const WITHIN: Duration = Duration::from_secs(30);

/// A connection to the daemon that stays open between requests.
pub(crate) struct Connection {
    stream: BufReader<Stream>,
    host: String,
}

/// What it goes over.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The same call on either.
macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            #[cfg(unix)]
            Stream::Unix($inner) => $call,
        }
    };
}

impl Stream {
    /// To `http://ADDRESS` or `unix:PATH`.
    fn open(url: &str) -> io::Result<Self> {
        #[cfg(unix)]
        if let Some(path) = url.strip_prefix("unix:") {
            return UnixStream::connect(path).map(Self::Unix);
        }
        let stream = TcpStream::connect(address(url))?;
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    pub(crate) fn set_read_timeout(&self, within: Duration) -> io::Result<()> {
        either!(self, stream => stream.set_read_timeout(Some(within)))
    }

    /// No call waits any more.
    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        either!(self, stream => stream.set_nonblocking(true))
    }

    /// Sends nothing more, and can still read.
    pub(crate) fn finish(&self) -> io::Result<()> {
        either!(self, stream => stream.shutdown(Shutdown::Write))
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => stream.read(bytes))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        either!(self, stream => stream.flush())
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The address in `http://ADDRESS`.
pub(crate) fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

impl Connection {
    pub(crate) fn open(url: &str) -> Self {
        Self::try_open(url).unwrap()
    }

    pub(crate) fn try_open(url: &str) -> io::Result<Self> {
        let host = if url.starts_with("unix:") { "localhost".to_owned() } else { address(url).to_string() };
        Self::try_open_as(url, host)
    }

    /// The same, calling the daemon by another name.
    pub(crate) fn try_open_as(url: &str, host: String) -> io::Result<Self> {
        let stream = Stream::open(url)?;
        stream.set_read_timeout(WITHIN)?;
        either!(&stream, stream => stream.set_write_timeout(Some(WITHIN)))?;
        Ok(Self { stream: BufReader::with_capacity(1024, stream), host })
    }

    /// The start of a request: its first line and its `Host`.
    pub(crate) fn head(&self, method: &str, path: &str) -> String {
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// A request with these headers and this body; an empty one is sent as none.
    pub(crate) fn try_ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut request = self.head(method, path).into_bytes();
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n")?;
        }
        if !body.is_empty() {
            write!(request, "Content-Length: {}\r\n", body.len())?;
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        let sent = self.send(&request);
        // Who refuses a body may hang up in the middle of it, having said why.
        self.read_reply(method == "HEAD").map_err(|error| sent.err().unwrap_or(error))
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_ask(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Reads the next answer.
    pub(crate) fn reply(&mut self) -> Reply {
        self.read_reply(false).unwrap()
    }

    fn read_reply(&mut self, is_bodyless: bool) -> io::Result<Reply> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no answer but {first:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        if !is_bodyless {
            let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
            reply.body = vec![0; length];
            self.stream.read_exact(&mut reply.body)?;
        }
        Ok(reply)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// The bytes beneath.
    pub(crate) fn stream(&mut self) -> &mut BufReader<Stream> {
        &mut self.stream
    }

    /// The same, without what was around them.
    pub(crate) fn into_stream(self) -> BufReader<Stream> {
        self.stream
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The machine word of a failure.
    pub(crate) fn code(&self) -> &str {
        self.header("x-error-code").unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The status, and the machine word of a failure.
    pub(crate) fn outcome(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    /// Checks an answer that says no: status, word, and one sentence for a person.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{self}");
        assert!(!self.body.is_empty() && self.header("x-request-id").is_some(), "{self}");
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} {} {}", self.status, self.code(), body.chars().take(400).collect::<String>())
    }
}

pub(crate) fn ask(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    Connection::open(url).ask(method, path, headers, body)
}

pub(crate) fn get(url: &str, path: &str) -> Reply {
    ask(url, "GET", path, &[], b"")
}

/// The headers of a JSON body.
pub(crate) const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

pub(crate) fn post(url: &str, path: &str, body: &[u8]) -> Reply {
    ask(url, "POST", path, if body.is_empty() { &[] } else { JSON }, body)
}

pub(crate) fn post_json(url: &str, path: &str, body: &Value) -> Reply {
    post(url, path, body.to_string().as_bytes())
}
