//! Disks that are full or may not be written: a clear error, the old state served on, and no harm to the database.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use rusqlite::Connection as Database;

use super::{
    ended,
    http::{Reply, get, post, post_json},
    namespace::{Own, inside, shell},
    process::{Process, serve},
    rename, sign_in, user,
};
use crate::daemon::{Daemon, Scratch};

/// A daemon whose data is on a disk of four megabytes.
fn on_a_small_disk() -> Daemon {
    Daemon::start_with(small_disk)
}

/// Makes the data directory a disk of four megabytes.
pub(crate) fn small_disk(data_dir: &Path) {
    shell(&format!("mount -t tmpfs -o size=4m,mode=0700 usher-test {}", data_dir.display()));
}

/// Writes until nothing fits any more.
pub(crate) fn fill(data_dir: &Path) {
    let mut file = File::create(data_dir.join("filling")).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    assert!(fs::write(data_dir.join("more"), [0; 4096]).is_err(), "the disk is full");
    drop(fs::remove_file(data_dir.join("more")));
}

fn check_database(data_dir: &Path) {
    let database = Database::open(data_dir.join("usher.db")).unwrap();
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[track_caller]
fn says(reply: &Reply, words: &str) {
    reply.refuses(500, "internal");
    assert!(reply.text().contains(words), "{reply}");
}

#[test]
fn a_full_disk_refuses_changes_and_serves_on() {
    if !inside("trouble::disk::a_full_disk_refuses_changes_and_serves_on", Own::Mounts) {
        return;
    }
    let mut daemon = on_a_small_disk();
    let url = daemon.url().to_owned();
    let id = sign_in(&url, "ada@example.org");
    let mut stream = super::socket::Socket::open(&url, "/user/stream");
    assert_eq!(stream.profile()["name"], "Ada");
    fill(&daemon.data_dir());
    for _ in 0..3 {
        says(&rename(&url, &id, "lost"), "disk that holds the data directory is full");
        says(&post(&url, "/user/clear", b""), "full");
        assert_eq!(user(&url)["name"], "Ada");
        assert_eq!(
            get(&url, &format!("/users/{id}")).json()["name"],
            "Ada",
            "the database has the old state too"
        );
    }
    fs::remove_file(daemon.data_dir().join("filling")).unwrap();
    assert_eq!(rename(&url, &id, "kept").status, 200);
    assert_eq!(user(&url)["name"], "kept");
    assert_eq!(stream.profile()["name"], "kept", "no frame told of a change that was refused");
    daemon.stop();
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    check_database(&daemon.data_dir());
    daemon.start_again();
    assert_eq!(user(&url)["name"], "kept");
}

#[test]
fn a_full_disk_at_the_start_is_named_and_harms_nothing() {
    if !inside("trouble::disk::a_full_disk_at_the_start_is_named_and_harms_nothing", Own::Mounts) {
        return;
    }
    let mut daemon = on_a_small_disk();
    sign_in(daemon.url(), "ada@example.org");
    daemon.stop();
    fill(&daemon.data_dir());
    let answer = ended(&mut daemon.serve("127.0.0.1:0"));
    assert!(answer.code != 0 && answer.stdout.is_empty() && !answer.stderr.contains("panicked"), "{answer}");
    let place = daemon.data_dir().display().to_string();
    assert!(answer.stderr.contains(&place), "the data directory is named: {answer}");
    fs::remove_file(daemon.data_dir().join("filling")).unwrap();
    check_database(&daemon.data_dir());
    daemon.start_again();
    assert_eq!(user(daemon.url())["name"], "Ada");
}

#[test]
fn a_read_only_disk_at_the_start_is_named() {
    if !inside("trouble::disk::a_read_only_disk_at_the_start_is_named", Own::Mounts) {
        return;
    }
    let mut daemon = on_a_small_disk();
    sign_in(daemon.url(), "ada@example.org");
    daemon.stop();
    shell(&format!("mount -o remount,bind,ro {}", daemon.data_dir().display()));
    let answer = ended(&mut daemon.serve("127.0.0.1:0"));
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{answer}");
    assert!(answer.stderr.contains(&daemon.data_dir().display().to_string()), "{answer}");
    assert!(answer.stderr.contains("Read-only") && !answer.stderr.contains("panicked"), "{answer}");
    shell(&format!("mount -o remount,bind,rw {}", daemon.data_dir().display()));
    daemon.start_again();
    assert_eq!(user(daemon.url())["name"], "Ada");
}

/// A disk that turns read-only under open files fails each write to them, as a limit on the size of files does. A real
/// one cannot be turned so while anybody has it open.
#[test]
fn a_disk_that_may_not_be_written_any_more_refuses_changes_and_serves_on() {
    let scratch = Scratch::new();
    let ignoring = ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
    let daemon = Process::start(&mut serve(&scratch, &ignoring, &["--listen", "127.0.0.1:0"]));
    let url = daemon.url();
    let id = sign_in(&url, "ada@example.org");
    let limit = |bytes: &str| shell(&format!("prlimit --pid {} --fsize={bytes}:unlimited", daemon.id()));
    limit("0");
    for _ in 0..3 {
        says(&rename(&url, &id, "lost"), "data directory cannot be written");
        says(
            &post_json(&url, "/user/select", &serde_json::json!({ "email": "eve@example.org" })),
            "cannot be written",
        );
        assert_eq!(user(&url)["name"], "Ada");
        assert_eq!(get(&url, "/users").json()["iterable"].as_array().unwrap().len(), 1);
    }
    limit("unlimited");
    assert_eq!(rename(&url, &id, "kept").status, 200);
    assert_eq!(user(&url)["name"], "kept");
    let answer = daemon.stop();
    assert!(answer.code == 0 && !answer.stderr.contains("panicked"), "{answer}");
    check_database(&scratch.data_dir());
}
