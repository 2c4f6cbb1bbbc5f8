//! Told to stop, the daemon ends within five seconds with code 0, whatever its callers are in the middle of.

use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};

use super::{
    http::{Connection, JSON, get, post},
    rename,
    socket::Socket,
    user, wait_until, with_ada,
};
use crate::daemon::Daemon;

const STREAMS: [&str; 4] =
    ["/user/stream", "/user/last_checked_in/stream", "/.well-known/stream/health", "/qgpt/stream"];

#[test]
fn streams_are_told() {
    let (mut daemon, _) = with_ada();
    let mut streams = STREAMS.map(|path| Socket::open(daemon.url(), path));
    let told = thread::spawn(move || streams.each_mut().map(Socket::close_code));
    let start = Instant::now();
    daemon.stop();
    assert_eq!(told.join().unwrap(), [Some(1001); 4]);
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "peers that hang up are not waited for: {:?}",
        start.elapsed()
    );
    assert!(!daemon.log().contains("left open"), "{}", daemon.log());
}

#[test]
fn a_reader_that_never_reads_is_left_behind() {
    let (mut daemon, id) = with_ada();
    let mut idle = Socket::open(daemon.url(), "/user/stream");
    assert_eq!(rename(daemon.url(), &id, "Ada L.").status, 200);
    daemon.stop();
    assert_eq!(idle.close_code(), Some(1001), "it finds the close when it reads at last");
}

#[test]
fn half_a_request_is_left_behind() {
    let (mut daemon, _) = with_ada();
    let mut connections = ["head", "body", "idle"].map(|_| Connection::open(daemon.url()));
    let [head, body, idle] = &mut connections;
    head.send(head.head("POST", "/user/clear").as_bytes()).unwrap();
    let first = body.head("POST", "/user/update");
    body.send((first + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{").as_bytes()).unwrap();
    assert_eq!(idle.ask("GET", "/user", &[], b"").status, 200);
    daemon.stop();
    for connection in connections {
        let mut stream = connection.into_stream();
        drop(stream.read_to_end(&mut Vec::new()));
    }
    daemon.start_again();
    assert_eq!(user(daemon.url())["name"], "Ada", "half a request did nothing");
}

#[test]
fn who_waits_for_a_sign_in_is_told() {
    let mut daemon = Daemon::start();
    let mut waiting = [(); 3].map(|()| Connection::open(daemon.url()));
    for connection in &mut waiting {
        connection.send((connection.head("POST", "/os/sign_in") + "\r\n").as_bytes()).unwrap();
    }
    wait_until("they wait", Duration::from_secs(10), || {
        daemon.log().matches("waits for a sign-in").count() == waiting.len()
    });
    let told = thread::spawn(move || waiting.each_mut().map(Connection::reply));
    let start = Instant::now();
    daemon.stop();
    assert!(start.elapsed() < Duration::from_secs(2), "nobody is waited for: {:?}", start.elapsed());
    for reply in told.join().unwrap() {
        reply.refuses(503, "not_ready");
    }
    assert!(!daemon.log().contains("left open"), "{}", daemon.log());
    daemon.start_again();
    assert_eq!(get(daemon.url(), "/user").text(), "{}");
}

#[test]
fn a_write_that_is_under_way_is_finished_or_undone() {
    let (mut daemon, id) = with_ada();
    let url = daemon.url().to_owned();
    let writing = {
        let (url, id) = (url.clone(), id.clone());
        thread::spawn(move || last_answered(&url, &id))
    };
    wait_until("updates are answered", Duration::from_secs(10), || stored(&url) >= 50);
    daemon.stop();
    let answered = writing.join().unwrap();
    daemon.start_again();
    let stored = stored(&url);
    assert!((answered..=answered + 1).contains(&stored), "{stored} is stored, {answered} was answered");
}

/// The number that is the name.
fn stored(url: &str) -> u32 {
    user(url)["name"].as_str().unwrap().parse().unwrap_or(0)
}

/// Renames until nobody answers; the last name that was.
fn last_answered(url: &str, id: &str) -> u32 {
    let mut connection = Connection::open(url);
    for number in 1.. {
        let edit = format!(r#"{{"id": "{id}", "name": "{number}"}}"#);
        match connection.try_ask("POST", "/user/update", JSON, edit.as_bytes()) {
            Ok(reply) if reply.status == 200 => thread::sleep(Duration::from_millis(1)),
            _ => return number - 1,
        }
    }
    unreachable!("the daemon is stopped")
}

#[test]
fn stopping_twice_is_stopping() {
    let (mut daemon, _) = with_ada();
    post(daemon.url(), "/user/clear", b"");
    daemon.stop();
    daemon.start_again();
    daemon.stop();
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}
