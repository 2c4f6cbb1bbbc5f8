//! The processes that are measured: the daemon, and its peers.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::machine;
use crate::requests::{Request, ask, ask_json};

/// How large `GET /user` is made, in bytes.
const PROFILE: usize = 2048;
/// How long a server may take to stop before it is killed.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// A running server. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) port: u16,
    /// Kept open, so that it can go on printing.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server on the server's core, gives it `input`, and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command, input: &[u8]) -> Result<Self> {
        machine::as_server(|| Self::run(command, input))?
    }

    /// Starts a server on the core of the load.
    pub(crate) fn start_near(command: &mut Command) -> Result<Self> {
        Self::run(command, b"")
    }

    fn run(command: &mut Command, input: &[u8]) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let name = format!("{command:?}");
        let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input)?;
        }
        let mut stdout = BufReader::new(child.stdout.take().context("no output to read")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let port = line.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        match port {
            Some(port) => Ok(Self { child, port, _stdout: stdout }),
            None => {
                drop(child.kill());
                bail!("{name} does not listen: {line:?}, {}", child.wait()?)
            }
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Lets a process end, and ends it when it does not.
pub(crate) fn end(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // One that has ended already is waited for all the same.
        kill_process(pid, Signal::TERM).ok();
    }
    let asked = Instant::now();
    while asked.elapsed() < STOPS_WITHIN {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(child.kill());
    drop(child.wait());
}

/// One of the servers the daemon is compared with.
pub(crate) fn peer(arguments: &[&str], input: &[u8]) -> Result<Server> {
    let program = std::env::current_exe().context("this program has no path")?;
    Server::start(Command::new(program).arg("peer").args(arguments), input)
}

/// An installation: a data directory, and who is signed in there.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// An empty one.
    pub(crate) fn new(scratch: &Path) -> Result<Self> {
        std::fs::create_dir_all(scratch)?;
        // A data directory has to be private to its owner.
        let private = Permissions::from_mode(0o700);
        let folder =
            tempfile::Builder::new().prefix("usher-bench-").permissions(private).tempdir_in(scratch)?;
        Ok(Self { folder })
    }

    /// Where its data is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts an organisation with some rules into force.
    pub(crate) fn add_organisation(&self) -> Result<()> {
        let made = json!({ "value": "2026-01-01T00:00:00.000Z" });
        let models: Vec<Value> =
            ["gpt-5", "gpt-5-mini", "claude-sonnet-4-5", "gemini-3-pro", "llama-4", "mistral-large"]
                .map(|unique| json!({ "unique": unique }))
                .into();
        let entity = json!({
            "id": "0b5a0000-0000-4000-8000-000000000001",
            "name": "Analytical Society",
            "type": "ORGANIZATION",
            "created": made,
            "updated": made,
            "configuration": {
                "analytics": { "segment": { "enabled": "DISABLED" } },
                "externalProvider": {
                    "allowedCloudModels": { "enabled": "ENABLED", "allowedModels": { "iterable": models } },
                    "processing": { "enabled": "ENABLED", "processing": "LOCAL" },
                },
            },
        });
        let folder = self.path().join("policies");
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join("society.json"), entity.to_string())?)
    }

    /// The command that serves it, without any setting of the person who measures.
    pub(crate) fn command(&self, daemon: &Path, listen: &str) -> Command {
        let mut command = Command::new(daemon);
        // The streams of the table are all of one caller.
        let limits = [("USHER_MAX_STREAMS", "16384"), ("USHER_MAX_CONNECTIONS", "16384")];
        command.env_clear().env("HOME", self.path()).env("USHER_LOG", "error").envs(limits);
        command.args(["serve", "--no-browser", "--listen", listen, "--data-dir"]).arg(self.path());
        command
    }

    /// Starts the daemon on it.
    pub(crate) fn serve(&self, daemon: &Path) -> Result<Server> {
        Server::start(&mut self.command(daemon, "127.0.0.1:0"), b"")
    }
}

/// Signs somebody in, fills the profile up to 2 KB, and answers the id.
pub(crate) fn sign_in(port: u16) -> Result<String> {
    let body =
        json!({ "name": "Ada Lovelace 0000000000", "username": "ada.lovelace", "email": "ada@example.org" });
    let profile = ask_json(port, "POST /user/select", &body)?;
    let id = profile["id"].as_str().context("a profile without an id")?.to_owned();
    let small = ask(port, &mut Request::get_user(port))?.len();
    let (open, around) = ("data:image/png;base64,", r#","picture":"""#.len());
    let filling = PROFILE.saturating_sub(small + around + open.len()).max(1);
    let picture = format!("{open}{}", "A".repeat(filling));
    ask_json(port, "POST /user/update", &json!({ "id": id, "picture": picture }))?;
    Ok(id)
}
