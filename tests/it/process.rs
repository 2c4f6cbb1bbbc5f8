//! `usher serve` started in unusual ways: by another program, on the usual ports, without waiting for its success.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::daemon::{Answer, Scratch, end};

/// How long it may take to say where it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// A running `usher serve`. Dropped, it is killed.
pub(crate) struct Process {
    child: Option<Child>,
    lines: Receiver<String>,
    log: Option<JoinHandle<String>>,
}

/// `usher serve` on the data directory there, with these arguments, started through another program.
pub(crate) fn serve(scratch: &Scratch, through: &[&str], arguments: &[&str]) -> Command {
    let mut plain = scratch.command("http://127.0.0.1:1", &["serve", "--no-browser", "--data-dir"]);
    plain.arg(scratch.data_dir()).args(arguments);
    let Some((program, rest)) = through.split_first() else { return plain };
    let mut command = Command::new(program);
    command.args(rest).arg(plain.get_program()).args(plain.get_args()).env_clear().stdin(Stdio::null());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdout(Stdio::piped()))
    }

    /// The same for somebody who has gone before its first word.
    pub(crate) fn start_unread(command: &mut Command) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        Self::spawn(command.stdout(writer))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            let stdout = BufReader::new(stdout);
            thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        }
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self { child: Some(child), lines, log: Some(log) }
    }

    /// The next address it says it listens on.
    pub(crate) fn url(&self) -> String {
        let line = self.lines.recv_timeout(STARTS_WITHIN).expect("it says where it listens");
        line.strip_prefix("listening on ").expect("an address").to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Stops it as a service manager does; what it said is that of its whole run.
    pub(crate) fn stop(mut self) -> Answer {
        let status = end(self.child.take().unwrap(), "TERM");
        let stderr = self.log.take().unwrap().join().unwrap();
        let stdout: Vec<String> = self.lines.iter().collect();
        Answer { code: status.code().expect("it ends by itself"), stdout: stdout.join("\n"), stderr }
    }
}

impl Process {
    /// Ends it as a failed allocation would.
    pub(crate) fn crash(mut self) -> ExitStatus {
        end(self.child.take().unwrap(), "ABRT")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
