//! How many streams an application may have open; callers without an id count as one.

use std::time::Duration;

use crate::{
    daemon::Daemon,
    http::{Connection, Reply, get},
    socket::Socket,
    steps::wait_until,
};

fn open(daemon: &Daemon, headers: &[(&str, &str)]) -> Result<Socket, Reply> {
    Socket::try_open(Connection::open(daemon.url()), "/user/stream", headers)
}

#[track_caller]
fn is_full(daemon: &Daemon, headers: &[(&str, &str)]) {
    let reply = open(daemon, headers).err().expect("there is no room for another one");
    reply.refuses(429, "too_many_requests");
    assert!(reply.text().contains("close some and try again"), "{reply}");
}

#[test]
fn each_application_has_streams_of_its_own() {
    let daemon = Daemon::start_set(&[("USHER_MAX_STREAMS", "2")]);
    let (one, other) = (&[("X-Application-ID", "one")][..], &[("X-Application-ID", "other")][..]);
    let mut open_now = Vec::new();
    for headers in [&[][..], one, other] {
        for _ in 0..2 {
            open_now.push(open(&daemon, headers).unwrap_or_else(|reply| panic!("{headers:?}: {reply}")));
        }
        is_full(&daemon, headers);
    }
    is_full(&daemon, &[("application", "one")]);
    assert_eq!(get(daemon.url(), "/user").status, 200, "requests are not streams");
    for stream in &mut open_now {
        assert_eq!(stream.text(), "", "those that are open stay so");
    }
}

#[test]
fn a_stream_that_was_closed_makes_room() {
    let daemon = Daemon::start_set(&[("USHER_MAX_STREAMS", "1")]);
    for _ in 0..3 {
        let mut first = None;
        wait_until("there is room", Duration::from_secs(5), || {
            first = open(&daemon, &[]).ok();
            first.is_some()
        });
        is_full(&daemon, &[]);
    }
}
