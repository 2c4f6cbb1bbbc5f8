//! What a daemon holds in memory stays there: it writes no core, and no other process of its user may look inside.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, Stdio},
};

use super::other_user::{OTHER, as_user, may_become_others, place_of};
use crate::{
    daemon::{Scratch, end},
    process::{Process, serve},
    raw::PATIENCE,
    steps::{missing, wait_until},
};

/// Runs what follows where cores may be written, in a folder where they would be found.
const WITH_CORES: [&str; 3] = ["sh", "-c", r#"ulimit -c unlimited; cd "$HOME"; exec "$0" "$@""#];

#[test]
fn a_crash_leaves_no_core() {
    let scratch = Scratch::new();
    let daemon = Process::start(&mut serve(&scratch, &WITH_CORES, &["--listen", "127.0.0.1:0"]));
    daemon.url();
    let ended = daemon.crash();
    assert_eq!(ended.signal(), Some(rustix::process::Signal::ABORT.as_raw()), "{ended}");
    assert!(!ended.core_dumped(), "a core holds every secret of the process");
    // The same crash of a program that minds nothing, so that this test knows what it looks for.
    let other = Command::new(WITH_CORES[0])
        .args([&WITH_CORES[1..], &["sh", "-c", "echo; exec cat"]].concat())
        .env("HOME", scratch.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut other = other.unwrap();
    io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    if !end(other, "ABRT").core_dumped() {
        missing("this system writes no cores at all, so none was looked for");
    }
}

#[test]
fn other_processes_of_the_user_cannot_look_inside() {
    if !may_become_others() {
        return;
    }
    let (scratch, usher) = place_of(OTHER);
    let serve = ["serve", "--no-browser", "--listen", "127.0.0.1:0", "--data-dir"];
    let mut command = scratch.command_of(&usher, "", &serve);
    let daemon = Process::start(command.arg(scratch.data_dir()).uid(OTHER).gid(OTHER));
    daemon.url();
    let mut plain = Command::new("cat").uid(OTHER).gid(OTHER).stdin(Stdio::piped()).spawn().unwrap();
    let look = |process: u32| as_user(OTHER, || File::open(format!("/proc/{process}/mem")).map(drop));
    wait_until("cat runs", PATIENCE, || look(plain.id()).is_ok());
    assert_eq!(look(daemon.id()).map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied));
    drop(plain.stdin.take());
    plain.wait().unwrap();
}
