//! Bad input and bad luck: malformed requests, readers that never read, full disks, damaged files, ends without
//! warning. After each of them the daemon answers, and it holds what it held before.

mod bodies;
mod connections;
mod database;
mod every_post;
mod http;
mod kill;
mod log;
mod members;
mod paths;
mod second;
mod socket;
mod starting;
mod stopping;

#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod launched;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod policies;
#[cfg(target_os = "linux")]
mod ports;
#[cfg(target_os = "linux")]
pub(crate) mod process;
#[cfg(target_os = "linux")]
mod slow_reader;

use std::{
    io::Read,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::daemon::{Answer, Daemon, wait};
use http::{Reply, get, post_json};

/// The id of nobody.
const NOBODY: &str = "0b5a0000-0000-4000-8000-00000000000f";

/// Signs a local account in and answers its id.
fn sign_in(url: &str, email: &str) -> String {
    let reply = post_json(url, "/user/select", &json!({ "name": "Ada", "email": email }));
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()["id"].as_str().unwrap().to_owned()
}

/// A daemon where somebody is signed in, and the id of that account.
fn with_ada() -> (Daemon, String) {
    let daemon = Daemon::start();
    let id = sign_in(daemon.url(), "ada@example.org");
    (daemon, id)
}

/// Changes the name of an account.
fn rename(url: &str, id: &str, name: &str) -> Reply {
    post_json(url, "/user/update", &json!({ "id": id, "name": name }))
}

/// The present user, null when signed out.
fn user(url: &str) -> Value {
    let reply = get(url, "/user");
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()["user"].take()
}

/// Everything a caller can read of the state.
fn state(url: &str) -> [String; 3] {
    ["/user", "/users", "/applications"].map(|path| {
        let reply = get(url, path);
        assert_eq!(reply.status, 200, "{path}: {reply}");
        reply.text()
    })
}

/// Runs a command that must end soon by itself.
fn ended(command: &mut Command) -> Answer {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let status = wait(child);
    let mut answer = Answer { code: status.code().unwrap(), stdout: String::new(), stderr: String::new() };
    stdout.read_to_string(&mut answer.stdout).unwrap();
    stderr.read_to_string(&mut answer.stderr).unwrap();
    answer
}

/// Waits until something holds, and fails when it does not in time.
fn wait_until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Fails a test that lacks something on this machine. Whoever runs the others alone says so.
fn missing(what: &str) {
    let is_allowed = std::env::var("USHER_TEST_PARTIAL").is_ok_and(|value| value == "1");
    assert!(is_allowed, "{what}; USHER_TEST_PARTIAL=1 leaves such tests out");
    eprintln!("NOT RUN: {what}");
}

/// Kilobytes of memory a process has now.
#[cfg(target_os = "linux")]
fn memory_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
