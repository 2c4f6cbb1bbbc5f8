//! Steps that tests of callers take again and again: sign in, rename, look at the state, wait, measure.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    daemon::{Answer, Daemon, wait},
    http::{Reply, get, post_json},
};

/// The id of nobody.
pub(crate) const NOBODY: &str = "0b5a0000-0000-4000-8000-00000000000f";

/// Signs a local account in and answers its id.
pub(crate) fn sign_in(url: &str, email: &str) -> String {
    let reply = post_json(url, "/user/select", &json!({ "name": "Ada", "email": email }));
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()["id"].as_str().unwrap().to_owned()
}

/// A daemon where somebody is signed in, and the id of that account.
pub(crate) fn with_ada() -> (Daemon, String) {
    let daemon = Daemon::start();
    let id = sign_in(daemon.url(), "ada@example.org");
    (daemon, id)
}

/// Changes the name of an account.
pub(crate) fn rename(url: &str, id: &str, name: &str) -> Reply {
    post_json(url, "/user/update", &json!({ "id": id, "name": name }))
}

/// The present user, null when signed out.
pub(crate) fn user(url: &str) -> Value {
    let reply = get(url, "/user");
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()["user"].take()
}

/// Everything a caller can read of the state.
pub(crate) fn state(url: &str) -> [String; 3] {
    ["/user", "/users", "/applications"].map(|path| {
        let reply = get(url, path);
        assert_eq!(reply.status, 200, "{path}: {reply}");
        reply.text()
    })
}

/// Runs a command that must end soon by itself.
pub(crate) fn ended(command: &mut Command) -> Answer {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let status = wait(child);
    let mut answer = Answer { code: status.code().unwrap(), stdout: String::new(), stderr: String::new() };
    stdout.read_to_string(&mut answer.stdout).unwrap();
    stderr.read_to_string(&mut answer.stderr).unwrap();
    answer
}

/// Waits until something holds, and fails when it does not in time.
pub(crate) fn wait_until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Sets the flag when dropped.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Fails a test that lacks something on this machine. Whoever runs the others alone says so.
pub(crate) fn missing(what: &str) {
    let is_allowed = std::env::var("USHER_TEST_PARTIAL").is_ok_and(|value| value == "1");
    assert!(is_allowed, "{what}; USHER_TEST_PARTIAL=1 leaves such tests out");
    eprintln!("NOT RUN: {what}");
}

/// Whether this process, and so the daemons it starts, may open so many files.
#[cfg(target_os = "linux")]
pub(crate) fn may_open(files: u64, what: &str) -> bool {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    if limit <= files {
        missing(&format!("{what} need `ulimit -Hn {files}`, and it is {limit}"));
    }
    limit > files
}

/// Kilobytes of memory a process has now.
#[cfg(target_os = "linux")]
pub(crate) fn memory_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What a line of a script with `tests/tools.sh` in it prints: the place of what it found or got.
pub(crate) fn tool(line: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let script = format!(". tests/tools.sh && mkdir -p \"$cache\" && {line}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(&root).env("root", &root).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()))
}
