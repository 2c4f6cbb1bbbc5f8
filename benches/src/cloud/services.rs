//! What a cloud needs around it: a PostgreSQL server, a NATS server, an identity provider.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::machine;
use crate::requests::{Request, ask};
use crate::servers::end;
use crate::{Plan, process};

/// How long a service may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// The user PostgreSQL runs as where this is root, which it refuses.
const NOBODY: u32 = 65534;

/// A PostgreSQL server with its usual settings, on the server's core. Ends when dropped.
pub(crate) struct Postgres {
    child: Child,
    folder: TempDir,
    programs: PathBuf,
    pub(crate) port: u16,
}

impl Postgres {
    pub(crate) fn start(plan: &Plan) -> Result<Self> {
        let programs = plan.programs.postgres.clone().context("where is PostgreSQL? --postgres says it")?;
        std::fs::create_dir_all(&plan.scratch)?;
        let folder =
            tempfile::Builder::new().prefix("usher-bench-").tempdir_in(plan.scratch.canonicalize()?)?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let port = free_port()?;
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(folder.path()).env_clear().env("LC_ALL", "C").stdin(Stdio::null());
            if rustix::process::geteuid().is_root() {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let mut made = program("initdb");
        run(made.args(["-A", "trust", "-E", "UTF8", "--locale=C", "-U", "usher", "-D", "data"]))?;
        let mut command = program("postgres");
        command.args(["-D", "data", "-k", "", "-c", "listen_addresses=127.0.0.1", "-p", &port.to_string()]);
        command.args(["-c", "max_connections=200"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = machine::as_server(|| command.spawn())?.context("cannot run PostgreSQL")?;
        let server = Self { child, folder, programs: programs.clone(), port };
        let begun = Instant::now();
        while !server.client("pg_isready").arg("-q").stdout(Stdio::null()).status()?.success() {
            ensure!(begun.elapsed() < STARTS_WITHIN, "PostgreSQL does not start");
            sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// A program of PostgreSQL that asks this server.
    pub(crate) fn client(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.args(["-h", "127.0.0.1", "-U", "usher", "-p", &self.port.to_string()]);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://usher@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs these statements.
    pub(crate) fn sql(&self, database: &str, statements: &str) -> Result<()> {
        run(self.client("psql").args(["-XAtq", "-v", "ON_ERROR_STOP=1", database, "-c", statements]))
    }

    /// What all its processes have used.
    pub(crate) fn cpu(&self) -> Duration {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id()));
        let children = children.unwrap_or_default();
        let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        pids.chain([self.child.id()]).map(process::cpu).sum()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its processes end with it when it is told to stop, and only then.
        let told = Command::new("kill").args(["-s", "INT", &self.child.id().to_string()]).status();
        drop(told);
        drop(self.child.wait());
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A NATS server on the server's core. Ends when dropped.
pub(crate) struct Nats {
    child: Child,
    port: u16,
}

impl Nats {
    pub(crate) fn start(plan: &Plan) -> Result<Self> {
        let program = plan.programs.nats.as_ref().context("where is nats-server? --nats says it")?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: machine::as_server(|| command.spawn())??, port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(begun.elapsed() < STARTS_WITHIN, "NATS does not start");
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// An identity provider that gives a token to whoever asks. Ends when dropped.
pub(crate) struct Provider {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    pub(crate) url: String,
    port: u16,
}

impl Provider {
    pub(crate) fn start(plan: &Plan) -> Result<Self> {
        let program = plan.programs.provider.as_ref().context("where is the provider? --provider says it")?;
        let mut command = Command::new("node");
        command.arg("--no-warnings").arg(program).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot run node")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no output to read")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let url = line.trim().strip_prefix("ready ").context("the provider does not start")?.to_owned();
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).context("no port")?;
        Ok(Self { child, _stdout: stdout, url, port })
    }

    pub(crate) fn token(&self, subject: &str) -> Result<String> {
        let claims = serde_json::json!({ "sub": subject, "name": "Ada Lovelace" }).to_string();
        let answer = ask(self.port, &mut Request::new(self.port, "POST /test/token", &claims))?;
        Ok(String::from_utf8(answer)?)
    }

    /// Writes the configuration of who trusts it.
    pub(crate) fn write_config(&self, file: &std::path::Path, more: &str) -> Result<()> {
        let mut options = std::fs::File::options();
        let mut config = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
        Ok(write!(config, "{more}\n[[issuer]]\nurl = \"{}\"\nclient_id = \"usher\"\n", self.url)?)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The id in a profile.
pub(crate) fn id_of(profile: &Value) -> Result<String> {
    Ok(profile["id"].as_str().context("a profile without an id")?.to_owned())
}
