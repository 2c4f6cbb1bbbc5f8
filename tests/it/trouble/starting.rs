//! The time between the first sign of life and readiness, made long by somebody who holds the database.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use rusqlite::Connection as Database;
use serde_json::Value;

use super::{
    http::{address, ask, get, post},
    socket::Socket,
    wait_until, with_ada,
};
use crate::daemon::Daemon;

/// Health is asked for so many times.
const CHECKS: usize = 60;

/// A daemon that is starting, and what must be dropped so that it can go on.
fn held_up(locking_mode: &str) -> (Daemon, Database, String) {
    let (mut daemon, id) = with_ada();
    daemon.stop();
    let holder = Database::open(daemon.data_dir().join("usher.db")).unwrap();
    holder.pragma_update(None, "locking_mode", locking_mode).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    daemon.launch_again();
    let address = address(daemon.url());
    wait_until("the port answers", Duration::from_secs(10), || TcpStream::connect(address).is_ok());
    (daemon, holder, id)
}

fn check(locking_mode: &str) {
    let (daemon, holder, id) = held_up(locking_mode);
    let url = daemon.url();
    let mut times: Vec<Duration> = (0..CHECKS).map(|_| health(url)).collect();
    times.sort();
    assert!(times[CHECKS / 2] < Duration::from_millis(50), "health usually takes {:?}", times[CHECKS / 2]);
    assert!(times[CHECKS - 1] < Duration::from_millis(500), "health once took {:?}", times[CHECKS - 1]);
    let mut check_ins = Socket::open(url, "/user/last_checked_in/stream");
    assert!(check_ins.profile().is_object(), "a check-in comes at once");
    let mut states = Socket::open(url, "/user/stream");
    for path in ["/user", "/users", "/user/refresh", "/applications"] {
        get(url, path).refuses(503, "not_ready");
    }
    for path in ["/user/clear", "/user/select", "/os/sign_out", "/os/sign_in"] {
        post(url, path, b"").refuses(503, "not_ready");
    }
    let status: Value = get(url, "/status").json();
    assert_eq!(status["ready"], false);
    drop(holder);
    wait_until("the daemon is ready", Duration::from_secs(10), || get(url, "/user").status == 200);
    assert_eq!(super::user(url)["id"], id.as_str());
    while check_ins.profile()["userId"] != id.as_str() {}
    while states.profile()["id"] != id.as_str() {}
}

fn health(url: &str) -> Duration {
    let start = Instant::now();
    let reply = ask(url, "HEAD", "/.well-known/health", &[], b"");
    assert_eq!(reply.status, 200, "{reply}");
    start.elapsed()
}

#[test]
fn a_database_nobody_may_write_yet() {
    check("normal");
}

#[test]
fn a_database_nobody_may_read_yet() {
    check("exclusive");
}

#[test]
fn a_daemon_that_is_starting_can_be_stopped() {
    let (mut daemon, _holder, _) = held_up("normal");
    daemon.stop();
}

#[test]
fn a_daemon_that_is_starting_can_be_killed() {
    let (mut daemon, holder, id) = held_up("normal");
    daemon.kill();
    drop(holder);
    daemon.start_again();
    assert_eq!(super::user(daemon.url())["id"], id.as_str());
}
