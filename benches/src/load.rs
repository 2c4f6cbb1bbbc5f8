//! The load: some connections, each of which asks again as soon as it is answered. One thread, one `epoll`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{Timespec, epoll};

use crate::process;
use crate::requests::{Answers, Request, connect};
use crate::rounds::Sample;

/// How long a server may take for the answers before the first sample.
const WORN_WITHIN: Duration = Duration::from_secs(60);

/// Asks over `connections` for a while, after a tenth of it as warm-up: answers a second, and the server's CPU for each
/// in µs.
pub(crate) fn sample(
    port: u16,
    pid: u32,
    connections: usize,
    request: &mut Request,
    during: Duration,
) -> Result<Sample> {
    let mut load = Load::open(port, connections)?;
    load.run(request, during / 10)?;
    let (cpu, begin) = (process::cpu(pid), Instant::now());
    let answers = load.run(request, during)?;
    let (cpu, took) = (process::cpu(pid).saturating_sub(cpu), begin.elapsed());
    ensure!(answers > 0, "no answer within {took:?}");
    let answers = answers as f64;
    Ok(Sample { measured: answers / took.as_secs_f64(), cpu: cpu.as_secs_f64() * 1e6 / answers })
}

/// Asks until there were as many answers, before anything is measured.
pub(crate) fn wear_in(port: u16, request: &mut Request, answers: u64) -> Result<()> {
    let mut load = Load::open(port, 16)?;
    let (mut answered, begin) = (0, Instant::now());
    while answered < answers {
        answered += load.run(request, Duration::from_millis(100))?;
        ensure!(begin.elapsed() < WORN_WITHIN, "only {answered} answers within {WORN_WITHIN:?}");
    }
    Ok(())
}

/// Open connections with nothing under way.
pub(crate) struct Load {
    epoll: rustix::fd::OwnedFd,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    answers: Answers,
    buffer: Box<[u8]>,
    filled: usize,
    waiting: bool,
}

impl Load {
    /// Opens the connections.
    pub(crate) fn open(port: u16, connections: usize) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let connections = (0..connections)
            .map(|index| {
                let stream = connect(port).context("cannot connect")?;
                stream.set_nonblocking(true)?;
                epoll::add(&epoll, &stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
                let buffer = vec![0; 64 * 1024].into_boxed_slice();
                Ok(Connection { stream, answers: Answers::default(), buffer, filled: 0, waiting: false })
            })
            .collect::<Result<_>>()?;
        Ok(Self { epoll, connections })
    }

    /// Asks over and over, and says how many answers came in time. Those still under way at the end come in the next run.
    pub(crate) fn run(&mut self, request: &mut Request, during: Duration) -> Result<u64> {
        for connection in &mut self.connections {
            if !connection.waiting {
                connection.ask(request)?;
            }
        }
        let mut answers = 0;
        let end = Instant::now() + during;
        let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let mut events = Vec::with_capacity(self.connections.len());
        while Instant::now() < end {
            wait(&self.epoll, &mut events, &tick)?;
            for event in events.drain(..) {
                let connection = &mut self.connections[event.data.u64() as usize];
                if connection.is_answered()? {
                    answers += 1;
                    connection.ask(request)?;
                }
            }
        }
        Ok(answers)
    }
}

impl Connection {
    fn ask(&mut self, request: &mut Request) -> Result<()> {
        // The socket is empty, so a request goes out whole.
        self.stream.write_all(request.next())?;
        self.waiting = true;
        Ok(())
    }

    fn is_answered(&mut self) -> Result<bool> {
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => anyhow::bail!("the server closed a connection, or its answer is too large"),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let is_whole = self.answers.is_whole(&self.buffer[..self.filled])?;
        if is_whole {
            (self.filled, self.waiting) = (0, false);
        }
        Ok(is_whole)
    }
}

/// Waits for events, as many as `events` has room for.
pub(crate) fn wait(
    epoll: &rustix::fd::OwnedFd,
    events: &mut Vec<epoll::Event>,
    at_most: &Timespec,
) -> Result<()> {
    match epoll::wait(epoll, rustix::buffer::spare_capacity(events), Some(at_most)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
