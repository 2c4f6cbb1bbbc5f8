//! HTTP/1.1 as far as it is needed here: requests made once, and answers told apart quickly.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// How long a server may take for one answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// A request as bytes. One with a counter says something else each time.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    counter: Option<Range<usize>>,
    /// What is sent after this one, in turn.
    others: VecDeque<Vec<u8>>,
}

impl Request {
    /// What a client on this machine sends, with everything the guard looks at.
    pub(crate) fn new(port: u16, line: &str, body: &str) -> Self {
        Self::with(port, line, "", body)
    }

    /// `GET /user` with a bearer token, as configured clients send it.
    pub(crate) fn get_user(port: u16) -> Self {
        Self::with(port, "GET /user", "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n", "")
    }

    /// What a client of a cloud sends for the holder of a token.
    pub(crate) fn of_person(port: u16, line: &str, token: &str, body: &str) -> Self {
        Self::with(port, line, &format!("Authorization: Bearer {token}\r\n"), body)
    }

    /// All of these, one after the other, and again.
    pub(crate) fn in_turn(requests: Vec<Self>) -> Self {
        let mut bytes: VecDeque<_> = requests.into_iter().map(|request| request.bytes).collect();
        Self { bytes: bytes.pop_front().unwrap_or_default(), counter: None, others: bytes }
    }

    fn with(port: u16, line: &str, headers: &str, body: &str) -> Self {
        let content = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
        };
        let head = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n\
             User-Agent: usher-bench\r\nAccept: application/json\r\n{headers}{content}\r\n"
        );
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        Self { bytes, counter: None, others: VecDeque::new() }
    }

    /// An edit of the account that is another one each time.
    pub(crate) fn update(port: u16, id: &str) -> Self {
        Self::edit(port, id, "")
    }

    /// The same at a cloud, by the holder of a token.
    pub(crate) fn update_as(port: u16, id: &str, token: &str) -> Self {
        Self::edit(port, id, &format!("Authorization: Bearer {token}\r\n"))
    }

    fn edit(port: u16, id: &str, headers: &str) -> Self {
        const DIGITS: &str = "0000000000";
        let body = format!("{{\"id\":\"{id}\",\"name\":\"Ada Lovelace {DIGITS}\"}}");
        let mut request = Self::with(port, "POST /user/update", headers, &body);
        let end = request.bytes.len() - "\"}".len();
        request.counter = Some(end - DIGITS.len()..end);
        request
    }

    /// The bytes to send next.
    pub(crate) fn next(&mut self) -> &[u8] {
        if let Some(next) = self.others.pop_front() {
            self.others.push_back(std::mem::replace(&mut self.bytes, next));
        }
        if let Some(counter) = self.counter.clone() {
            for digit in self.bytes[counter].iter_mut().rev() {
                if *digit < b'9' {
                    *digit += 1;
                    break;
                }
                *digit = b'0';
            }
        }
        &self.bytes
    }
}

/// Opens a connection that sends at once.
pub(crate) fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Asks once, on a connection of its own, and answers the body.
pub(crate) fn ask(port: u16, request: &mut Request) -> Result<Vec<u8>> {
    ask_on(&connect(port)?, request)
}

/// Asks once on an open connection that blocks.
pub(crate) fn ask_on(mut stream: &TcpStream, request: &mut Request) -> Result<Vec<u8>> {
    stream.write_all(request.next())?;
    answer_on(stream)
}

/// Reads one answer, and gives its body.
pub(crate) fn answer_on(mut stream: &TcpStream) -> Result<Vec<u8>> {
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    let (mut answers, mut buffer) = (Answers::default(), Vec::new());
    loop {
        let mut part = [0; 16 * 1024];
        let read = stream.read(&mut part).context("no answer")?;
        ensure!(read > 0, "the server closed the connection");
        buffer.extend_from_slice(&part[..read]);
        if answers.is_whole(&buffer)? {
            return Ok(buffer.split_off(answers.body_at()));
        }
    }
}

/// Asks and parses the answer.
pub(crate) fn ask_json(port: u16, line: &str, body: &Value) -> Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = ask(port, &mut Request::new(port, line, &body))?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Asks for the holder of a token and parses the answer.
pub(crate) fn ask_json_as(port: u16, line: &str, token: &str, body: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&ask(port, &mut Request::of_person(port, line, token, body))?)?)
}

/// Recognises the ends of answers on one connection. Answers of one server to one question have heads of one shape, so
/// after the first only the places that tell the length are compared.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    shape: Option<Shape>,
}

#[derive(Debug)]
struct Shape {
    body_at: usize,
    length_at: usize,
    length_line: Vec<u8>,
    total: usize,
}

const HEAD_END: &[u8] = b"\r\n\r\n";

impl Answers {
    /// Whether `received` is one whole answer of status 200. More than one is an error, and so is any other status.
    pub(crate) fn is_whole(&mut self, received: &[u8]) -> Result<bool> {
        if !self.shape.as_ref().is_some_and(|shape| shape.fits(received)) {
            let Some(head) = received.windows(HEAD_END.len()).position(|four| four == HEAD_END) else {
                return Ok(false);
            };
            self.shape = Some(Shape::of(&received[..head + HEAD_END.len()])?);
        }
        let total = self.shape.as_ref().map_or(usize::MAX, |shape| shape.total);
        ensure!(received.len() <= total, "more than one answer to one request");
        ensure!(
            received.get(9..12) == Some(b"200"),
            "not 200 but: {}",
            String::from_utf8_lossy(&received[..received.len().min(300)])
        );
        Ok(received.len() == total)
    }

    fn body_at(&self) -> usize {
        self.shape.as_ref().map_or(0, |shape| shape.body_at)
    }
}

impl Shape {
    fn of(head: &[u8]) -> Result<Self> {
        let mut at = 0;
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            let text = std::str::from_utf8(line).context("a head that is not text")?;
            if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                let length: usize = value.trim().parse().context("a length that is none")?;
                let length_line = line.to_vec();
                return Ok(Self {
                    body_at: head.len(),
                    length_at: at,
                    length_line,
                    total: head.len() + length,
                });
            }
            at += line.len();
        }
        bail!("an answer without a length: {}", String::from_utf8_lossy(head))
    }

    fn fits(&self, received: &[u8]) -> bool {
        received.get(..self.body_at).is_some_and(|head| {
            head.ends_with(HEAD_END) && head[self.length_at..].starts_with(&self.length_line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_end_where_their_length_says() {
        let mut answers = Answers::default();
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for end in 0..first.len() {
            assert!(!answers.is_whole(&first[..end]).unwrap());
        }
        assert!(answers.is_whole(first).unwrap());
        assert!(answers.is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes").unwrap());
        assert!(!answers.is_whole(b"HTTP/1.1 200 OK\r\nx: 1\r\nContent-Length: 3\r\n\r\nye").unwrap());
        assert!(answers.is_whole(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").is_err());
        assert!(answers.is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP").is_err());
    }

    #[test]
    fn every_edit_differs_from_the_last() {
        let mut request = Request::update(1, "a");
        let first = request.next().to_vec();
        assert!(first.ends_with(b"Ada Lovelace 0000000001\"}"));
        for _ in 0..9 {
            request.next();
        }
        assert!(request.next().ends_with(b"Ada Lovelace 0000000011\"}"));
    }
}
