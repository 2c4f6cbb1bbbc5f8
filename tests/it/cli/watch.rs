//! `watch`: lines as they come, over a restart of the daemon, until its reader goes away.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use insta::assert_snapshot;
use serde_json::Value;

use super::{sign_in, with_ada};
use crate::daemon::{Daemon, masked, wait};

/// How long a line may take. A line that never comes must fail its test, not hold it.
const COMES_WITHIN: Duration = Duration::from_secs(20);

/// A process whose lines are read as they come.
pub(super) struct Lines {
    process: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Lines {
    pub(super) fn of(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        Self { process, stdout: lines(stdout), stderr: lines(stderr) }
    }

    /// The next line of data.
    pub(super) fn told(&self) -> String {
        self.stdout.recv_timeout(COMES_WITHIN).expect("a line on stdout")
    }

    /// The next line of talk.
    fn said(&self) -> String {
        self.stderr.recv_timeout(COMES_WITHIN).expect("a line on stderr")
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The lines of a pipe, for as long as somebody wants them.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| tell.send(masked(&line)))
    });
    told
}

#[test]
fn watch_tells_each_change_on_a_line() {
    let daemon = Daemon::start();
    let watch = Lines::of(daemon.command(&["watch"]));
    assert_snapshot!(watch.told(), @"nobody is signed in");
    sign_in(&daemon, "Ada Lovelace", "ada@example.org");
    assert_snapshot!(watch.told(), @"signed in as Ada Lovelace <ada@example.org>");
    daemon.cli(&["profile", "set", "name", "Ada"]);
    assert_snapshot!(watch.told(), @"Ada <ada@example.org> changed name: Ada Lovelace -> Ada");
    daemon.cli(&["profile", "set", "theme", "light"]);
    assert_snapshot!(watch.told(), @"Ada <ada@example.org> changed theme: dark -> light");
    sign_in(&daemon, "Sam", "sam@example.org");
    assert_snapshot!(watch.told(), @"switched to Sam <sam@example.org>");
    daemon.cli(&["logout"]);
    assert_snapshot!(watch.told(), @"signed out");
}

#[test]
fn watch_survives_a_restart_of_the_daemon() {
    let mut daemon = with_ada();
    let watch = Lines::of(daemon.command(&["watch"]));
    assert_snapshot!(watch.told(), @"signed in as Ada Lovelace <ada@example.org>");
    daemon.stop();
    assert_snapshot!(watch.said().replace(daemon.url(), "[url]"), @"lost the daemon: the connection to [url] was lost (the daemon closed it): it is tried again");
    daemon.start_again();
    assert_snapshot!(watch.said(), @"the daemon is back");
    daemon.cli(&["logout"]);
    // The same user after the restart is no change, so this is the next line.
    assert_snapshot!(watch.told(), @"signed out");
}

#[test]
fn watch_as_json_prints_one_object_per_line() {
    let daemon = with_ada();
    let watch = Lines::of(daemon.command(&["watch", "--json"]));
    let present: Value = serde_json::from_str(&watch.told()).unwrap();
    assert_eq!(present["user"]["name"], "Ada Lovelace");
    daemon.cli(&["logout"]);
    assert_eq!(watch.told(), "{}");
}

#[test]
fn watch_ends_quietly_with_its_reader() {
    let daemon = with_ada();
    let mut watch = daemon.command(&["watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(watch.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    daemon.cli(&["logout"]);
    let mut stderr = watch.stderr.take().unwrap();
    assert_eq!(wait(watch).code(), Some(0));
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}
