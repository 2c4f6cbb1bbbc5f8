//! Ten thousand open streams: each is served, and nobody else notices.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Over, http::get, may_open, memory_of, rename, sign_in, socket::Socket};
use crate::daemon::Daemon;

const READERS: usize = 10_000;
/// What one open stream may cost in the daemon, in kilobytes.
const EACH: u64 = 12;

/// The longest time a `GET /user` took until the flag was set.
fn longest_wait(url: &str, is_over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        assert_eq!(get(url, "/user").status, 200);
        longest = longest.max(start.elapsed());
        thread::sleep(Duration::from_millis(10));
    }
    longest
}

#[test]
fn ten_thousand_streams_are_served() {
    if !may_open(READERS as u64 + 256, "ten thousand streams") {
        return;
    }
    let mut daemon = Daemon::start_set(&[("USHER_MAX_STREAMS", "10000")]);
    let id = sign_in(daemon.url(), "ada@example.org");
    let url = daemon.url().to_owned();
    let before = memory_of(daemon.id());
    let is_over = AtomicBool::new(false);
    let (mut readers, longest) = thread::scope(|scope| {
        let asking = scope.spawn(|| longest_wait(&url, &is_over));
        // Also when something fails below: the one who asks must not go on forever.
        let over = Over(&is_over);
        let mut readers: Vec<Socket> = (0..READERS).map(|_| Socket::open(&url, "/user/stream")).collect();
        for reader in &mut readers {
            assert_eq!(reader.profile()["id"], id.as_str(), "each gets the present state first");
        }
        assert_eq!(rename(&url, &id, "Ada L.").status, 200);
        for reader in &mut readers {
            assert_eq!(reader.profile()["name"], "Ada L.", "the change reaches all");
        }
        drop(over);
        (readers, asking.join().unwrap())
    });
    assert!(longest < Duration::from_secs(1), "a GET waited {longest:?}");
    let grown = memory_of(daemon.id()).saturating_sub(before);
    assert!(grown < READERS as u64 * EACH, "{READERS} streams cost {grown} kB");
    let closed = thread::spawn(move || readers.iter_mut().map(Socket::close_code).collect::<Vec<_>>());
    daemon.stop();
    let closed = closed.join().unwrap();
    assert!(closed.iter().all(|code| *code == Some(1001)), "each is told that the daemon stops");
}
