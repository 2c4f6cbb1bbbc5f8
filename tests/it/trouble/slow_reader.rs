//! A reader that never reads holds up nobody, costs no memory, and finds the newest state when it looks again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{http::Connection, memory_of, socket::Socket, with_ada};

/// As large as a picture may be: each state is then 64 KiB, so that a hundred fill every buffer of a connection.
const PICTURE: usize = 64 * 1024;
const UPDATES: usize = 200;

fn edit(id: &str, number: usize) -> Vec<u8> {
    let mut picture = format!("data:image/png;base64,{number:08}");
    picture.extend(std::iter::repeat_n('A', PICTURE - picture.len()));
    json!({ "id": id, "name": name(number), "picture": picture }).to_string().into_bytes()
}

fn name(number: usize) -> String {
    format!("state {number}")
}

fn number(profile: &Value) -> usize {
    profile["name"].as_str().unwrap().strip_prefix("state ").map_or(0, |number| number.parse().unwrap())
}

#[test]
fn a_reader_that_never_reads_holds_up_nobody() {
    let (daemon, id) = with_ada();
    let mut slow = Socket::open(daemon.url(), "/user/stream");
    let mut quick = Socket::open(daemon.url(), "/user/stream");
    assert_eq!(quick.profile()["id"], id.as_str());
    let mut writer = Connection::open(daemon.url());
    let mut early = 0;
    for count in 1..=UPDATES {
        let reply = writer.ask("POST", "/user/update", super::http::JSON, &edit(&id, count));
        assert_eq!(reply.status, 200, "{reply}");
        let start = Instant::now();
        assert_eq!(number(&quick.profile()), count, "the quick reader sees each state");
        assert!(start.elapsed() < Duration::from_secs(2), "after {:?}", start.elapsed());
        if count == UPDATES / 3 {
            early = memory_of(daemon.id());
        }
    }
    let late = memory_of(daemon.id());
    assert!(late < early + 10_000, "a backlog of 64 KiB states is kept: {early} kB became {late} kB");
    let seen = read_to(&mut slow, UPDATES);
    assert!(seen.is_sorted_by(|one, next| one < next), "never an older state after a newer one: {seen:?}");
    assert!(seen.len() < UPDATES, "all {UPDATES} states were kept somewhere, so this test filled no buffer");
}

/// The states a reader gets until the last one.
fn read_to(socket: &mut Socket, last: usize) -> Vec<usize> {
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        seen.push(number(&socket.profile()));
    }
    seen
}
