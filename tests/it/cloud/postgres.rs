//! A real PostgreSQL server of a test's own, in a folder of its own.

use std::{
    net::TcpListener,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use tempfile::TempDir;

use crate::steps::{missing, tool, wait_until};

/// A running server. Dropped by the last who holds it, it is killed.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Server>);

struct Server {
    child: Mutex<Option<Child>>,
    folder: TempDir,
    port: u16,
    programs: PathBuf,
}

/// The user the server runs as: it refuses to run as root.
const NOBODY: u32 = 65534;

impl Postgres {
    /// `None` when it cannot be had and the tester allows that.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Server { child: Mutex::new(None), folder, port, programs };
        if is_root() {
            std::os::unix::fs::chown(server.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let made = server
            .program("initdb")
            .args(["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-U", "usher", "-D", "data"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = Self(Arc::new(server));
        server.start_again();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://usher@{}/postgres", self.address())
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.port)
    }

    /// What this statement answers in the database at `url`.
    pub(crate) fn ask(&self, url: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.0.program("psql");
        let output = psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", sql]).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Ends it and all its connections at once, without a word to its files.
    pub(crate) fn crash(&self) {
        let mut child = self.0.child.lock().unwrap().take().expect("the server is running");
        quit(&mut child);
    }

    /// Ends it as a power cut of the machine does not: what the system has been given is kept.
    pub(crate) fn kill(&self) {
        let mut child = self.0.child.lock().unwrap().take().expect("the server is running");
        // The one process that all others end with.
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Has all its processes stop in the middle of what they do, or go on.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.child.lock().unwrap().as_ref().expect("the server is running").id().to_string();
        let children = Command::new("pkill").args([&format!("-{name}"), "-P", &pid]).status().unwrap();
        let parent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(children.success() && parent.success());
    }

    pub(crate) fn start_again(&self) {
        let port = self.0.port.to_string();
        let wait =
            || wait_until("the old server's processes end", Duration::from_secs(20), || !self.0.is_used());
        wait();
        let child = self
            .0
            .program("postgres")
            .args(["-D", "data", "-k", "", "-c", "listen_addresses=127.0.0.1", "-p", &port])
            .args(["-c", "shared_buffers=16MB", "-c", "max_connections=100"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        *self.0.child.lock().unwrap() = Some(child);
        wait_until("the server answers", Duration::from_secs(30), || {
            let ready = self.0.program("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
            ready.unwrap().success()
        });
    }
}

impl Server {
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).env_clear().env("LC_ALL", "C").stdin(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Whether a process of a server that was killed still has the port.
    fn is_used(&self) -> bool {
        TcpListener::bind(("127.0.0.1", self.port)).is_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            quit(&mut child);
        }
    }
}

/// An immediate shutdown, which takes all the server's processes with it.
fn quit(child: &mut Child) {
    let told = Command::new("kill").args(["-s", "QUIT", &child.id().to_string()]).status();
    drop(told);
    drop(child.wait());
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn programs() -> Option<PathBuf> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PROGRAMS.get_or_init(|| tool("postgres_bin"));
    if found.is_none() {
        missing("PostgreSQL cannot be had (Debian: apt-get install postgresql)");
    }
    found.clone()
}
