//! How many connections there may be: who waited longest makes room, and nobody loses one that is being answered.

use std::{
    io::{BufRead, Read},
    time::Duration,
};

use crate::{
    daemon::Daemon,
    http::{Connection, JSON, get},
    steps::wait_until,
};

fn is_served(connection: &mut Connection) -> bool {
    connection.try_ask("GET", "/user", &[], b"").is_ok_and(|reply| reply.status == 200)
}

#[test]
fn who_waited_longest_makes_room() {
    let daemon = Daemon::start_set(&[("USHER_MAX_CONNECTIONS", "4")]);
    let mut seated: Vec<_> = (0..4).map(|_| Connection::open(daemon.url())).collect();
    assert!(seated.iter_mut().all(is_served));
    assert!(is_served(&mut seated[0]), "now the second one has waited longest");
    let mut new = Connection::open(daemon.url());
    assert!(is_served(&mut new));
    let mut second = seated.remove(1).into_stream();
    assert_eq!(second.read(&mut [0; 1]).unwrap(), 0, "it is closed");
    assert!(seated.iter_mut().chain([&mut new]).all(is_served), "the others stay");
}

/// A request that is being answered: the daemon asks for its body, which never comes.
fn busy(daemon: &Daemon) -> Connection {
    let mut connection = Connection::open(daemon.url());
    let head = connection.head("POST", "/user/select") + "Content-Type: application/json\r\n";
    connection.send(format!("{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    connection.stream().read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "HTTP/1.1 100 Continue");
    connection.stream().read_line(&mut line).unwrap();
    connection
}

#[test]
fn when_all_are_busy_a_new_one_is_told_so() {
    let daemon = Daemon::start_set(&[("USHER_MAX_CONNECTIONS", "2")]);
    let mut busy_ones = [busy(&daemon), busy(&daemon)];
    for _ in 0..3 {
        let mut new = Connection::open(daemon.url());
        let reply = new.ask("POST", "/user/clear", JSON, b"{}");
        reply.refuses(503, "too_many_requests");
        assert!(reply.text().contains("close some and try again"), "{reply}");
        assert_eq!(new.into_stream().read(&mut [0; 1]).unwrap(), 0, "it is closed");
    }
    let [first, second] = &mut busy_ones;
    first.send(b"{}").unwrap();
    first.reply().refuses(404, "not_found");
    assert_eq!(get(daemon.url(), "/user").status, 200, "the first one waits, and makes room");
    second.send(b"{}").unwrap();
    second.reply().refuses(404, "not_found");
    drop(busy_ones);
    wait_until("all are served", Duration::from_secs(5), || {
        let mut both = [Connection::open(daemon.url()), Connection::open(daemon.url())];
        both.iter_mut().all(is_served)
    });
}

/// Streams are counted by themselves.
#[test]
fn a_stream_takes_no_connection_away() {
    let daemon = Daemon::start_set(&[("USHER_MAX_CONNECTIONS", "2")]);
    let mut streams: Vec<_> =
        (0..8).map(|_| crate::socket::Socket::open(daemon.url(), "/user/stream")).collect();
    let mut both = [Connection::open(daemon.url()), Connection::open(daemon.url())];
    assert!(both.iter_mut().all(is_served));
    assert!(streams.iter_mut().all(|stream| stream.text().is_empty()));
}
