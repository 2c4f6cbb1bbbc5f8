//! A flood of connections from the owner's own programs: a request on a new connection is still answered at once, and the
//! daemon stays small.

use std::{
    io::{ErrorKind, Read, Write},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    http::{Connection, Stream, get},
    steps::{Over, may_open, memory_of, with_ada},
};

const CONNECTIONS: usize = 20_000;
/// What the flood may cost the daemon, in kilobytes.
const MOST: u64 = 64 * 1024;

/// What a connection of the flood does.
#[derive(Clone, Copy)]
enum Habit {
    /// Sends a head that never ends, a byte at a time.
    Dribbles,
    /// Says nothing.
    Idles,
    /// Asks without ever reading.
    Pipelines,
}

struct Wave(Vec<(Habit, Stream)>);

impl Wave {
    fn add(&mut self, url: &str, habit: Habit) {
        let Ok(mut connection) = Connection::try_open(url) else { return };
        let head = connection.head("GET", "/user");
        let sent = match habit {
            Habit::Dribbles => connection.send((head + "X: ").as_bytes()),
            Habit::Idles => Ok(()),
            Habit::Pipelines => connection.send((head + "\r\n").repeat(8).as_bytes()),
        };
        let stream = connection.into_stream().into_inner();
        if sent.and_then(|()| stream.set_nonblocking()).is_ok() {
            self.0.push((habit, stream));
        }
    }

    /// Goes on with each, and forgets those that the daemon has closed.
    fn go_on(&mut self) {
        self.0.retain_mut(|(habit, stream)| {
            let done = match habit {
                Habit::Dribbles => stream.write(b"x"),
                Habit::Idles => stream.read(&mut [0; 64]).and_then(|read| match read {
                    0 => Err(ErrorKind::UnexpectedEof.into()),
                    read => Ok(read),
                }),
                Habit::Pipelines => stream.write(b"GET /user HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            };
            done.map_or_else(|error| error.kind() == ErrorKind::WouldBlock, |_| true)
        });
    }
}

/// The flood, as fast as a program can make it; what is left of it stays until it is over.
fn flood(url: &str, has_come: &AtomicBool, is_over: &AtomicBool) {
    let mut wave = Wave(Vec::new());
    for number in 0..CONNECTIONS {
        let habit = match number % 16 {
            0 => Habit::Pipelines,
            half if half % 2 == 0 => Habit::Idles,
            _ => Habit::Dribbles,
        };
        wave.add(url, habit);
        if number % 250 == 249 {
            wave.go_on();
        }
    }
    has_come.store(true, Ordering::Relaxed);
    while !is_over.load(Ordering::Relaxed) {
        wave.go_on();
        thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_flood_of_connections_keeps_nobody_waiting() {
    if !may_open(12_000, "a flood of connections") {
        return;
    }
    let (daemon, id) = with_ada();
    let (url, idle) = (daemon.url(), memory_of(daemon.id()));
    let (has_come, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (mut longest, mut most, mut asked) = (Duration::ZERO, 0, 0);
    thread::scope(|scope| {
        scope.spawn(|| flood(url, &has_come, &is_over));
        // Also when something fails below.
        let _over = Over(&is_over);
        let mut after = 20;
        while after > 0 {
            let start = Instant::now();
            let reply = Connection::try_open(url).and_then(|mut new| new.try_ask("GET", "/user", &[], b""));
            longest = longest.max(start.elapsed());
            let reply =
                reply.unwrap_or_else(|error| panic!("no answer after {:?}: {error}", start.elapsed()));
            assert_eq!(reply.status, 200, "{reply}");
            asked += 1;
            most = most.max(memory_of(daemon.id()));
            after -= usize::from(has_come.load(Ordering::Relaxed));
        }
    });
    eprintln!("{asked} answers, the longest after {longest:?}; {idle} kB became {most} kB");
    assert!(longest < Duration::from_secs(1), "an answer took {longest:?}");
    assert!(most < idle + MOST, "{idle} kB became {most} kB");
    assert_eq!(get(url, "/user").json()["user"]["id"], id.as_str());
}
