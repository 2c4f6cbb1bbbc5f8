//! A log that cannot be written, because its disk is full or its reader is gone, costs the log and nothing else.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::process::{Child, Command, Stdio};

use rusqlite::Connection as Database;

use super::{http::get, rename, sign_in, user};
use crate::daemon::{Scratch, first_line};

/// A daemon with this log; killed at the end.
struct Logging {
    child: Child,
    url: String,
    scratch: Scratch,
}

impl Drop for Logging {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn logging_to(log: impl Into<Stdio>) -> Logging {
    let scratch = Scratch::new();
    let mut command: Command =
        scratch.command("http://127.0.0.1:1", &["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(scratch.data_dir()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.spawn().unwrap();
    let (line, _) = first_line(&mut child);
    let url = line.trim_end().strip_prefix("listening on ").unwrap_or_default().to_owned();
    Logging { child, url, scratch }
}

/// Damages an account behind the back of the daemon: each touch of it is then worth a line in the log.
fn damage(daemon: &Logging, id: &str) {
    let database = Database::open(daemon.scratch.data_dir().join("usher.db")).unwrap();
    assert_eq!(database.execute("UPDATE users SET document = '{' WHERE id = $1", [id]).unwrap(), 1);
}

fn works(daemon: &Logging) {
    assert!(!daemon.url.is_empty(), "the daemon did not start");
    let [damaged, id] = ["eve@example.org", "ada@example.org"].map(|email| sign_in(&daemon.url, email));
    damage(daemon, &damaged);
    for number in 0..3 {
        rename(&daemon.url, &damaged, "Eve L.").refuses(500, "internal");
        get(&daemon.url, "/users").refuses(500, "internal");
        let name = format!("Ada {number}");
        assert_eq!(rename(&daemon.url, &id, &name).status, 200);
        assert_eq!(user(&daemon.url)["name"], name);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_log() {
    works(&logging_to(File::options().write(true).open("/dev/full").unwrap()));
}

#[test]
fn a_reader_of_the_log_that_is_gone() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    works(&logging_to(writer));
}
