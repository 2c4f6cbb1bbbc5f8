//! A real `usher serve` in a directory of its own, and the real `usher` beside it. What a test starts ends with it.

use std::{
    fmt,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;
use usher_client::Client;

/// The binary under test.
pub(crate) const USHER: &str = env!("CARGO_BIN_EXE_usher");
/// How long a process may take to say its first line, however busy the machine is.
const SPEAKS_WITHIN: Duration = Duration::from_secs(60);
/// How long a process may take to end once it has to.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A running daemon. Dropped, it is killed; its files go with it.
pub(crate) struct Daemon {
    child: Option<Child>,
    /// Kept open: a daemon whose reader goes away is another test.
    _stdout: Option<BufReader<ChildStdout>>,
    url: String,
    scratch: Scratch,
    settings: Vec<(&'static str, String)>,
}

impl Daemon {
    /// Starts with an empty data directory and waits until it listens.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| ())
    }

    /// The same, with a data directory that `prepare` has filled.
    pub(crate) fn start_with(prepare: impl FnOnce(&Path)) -> Self {
        Self::start_as(&[], prepare)
    }

    /// The same, with these variables of the environment set, each time it starts.
    pub(crate) fn start_set(settings: &[(&'static str, &str)]) -> Self {
        Self::start_as(settings, |_| ())
    }

    /// Both.
    pub(crate) fn start_as(settings: &[(&'static str, &str)], prepare: impl FnOnce(&Path)) -> Self {
        let scratch = Scratch::new();
        prepare(&scratch.data_dir());
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut daemon = Self { child: None, _stdout: None, url: String::new(), scratch, settings };
        daemon.run("127.0.0.1:0");
        daemon
    }

    fn run(&mut self, listen: &str) {
        let (line, stdout) = first_line(self.launch(listen));
        let url = line.trim_end().strip_prefix("listening on ");
        self.url = url.unwrap_or_else(|| panic!("{line:?} is no address; {}", self.log())).to_owned();
        self._stdout = Some(stdout);
    }

    fn launch(&mut self, listen: &str) -> &mut Child {
        let child = self.serve(listen).stdout(Stdio::piped()).stderr(self.scratch.log()).spawn().unwrap();
        self.child.insert(child)
    }

    /// `usher serve` on the data directory of this daemon.
    pub(crate) fn serve(&self, listen: &str) -> Command {
        let mut command = self.command(&["serve", "--listen", listen, "--no-browser", "--data-dir"]);
        command.arg(self.data_dir());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The SDK, connected to it.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url).unwrap()
    }

    /// Where it keeps its data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.scratch.data_dir()
    }

    /// Its Unix socket, as an address: `unix:PATH`.
    pub(crate) fn socket(&self) -> String {
        format!("unix:{}", self.data_dir().join("usher.sock").display())
    }

    /// What it wrote to stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).unwrap()
    }

    /// `usher` with these arguments, ready to be run against this daemon.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.scratch.command(&self.url, arguments)
    }

    /// Runs `usher` with these arguments against this daemon.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Answer {
        Answer::of(&mut self.command(arguments))
            .masked(&[(&self.url, "[url]"), (&self.data_dir().display().to_string(), "[data]")])
    }

    /// Ends it as a service manager does, and expects a clean end in time.
    pub(crate) fn stop(&mut self) {
        let child = self.child.take().expect("the daemon is running");
        let status = end(child, "TERM");
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// Starts it again where it was, on the data it left.
    pub(crate) fn start_again(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        self.run(&listen);
    }

    /// The same without waiting for anything: it may not be ready, nor answer yet.
    pub(crate) fn launch_again(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        self._stdout = self.launch(&listen).stdout.take().map(BufReader::new);
    }

    /// Ends it as a power cut does: in the middle of whatever it is doing.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the daemon is running");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("the daemon is running").id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The first line a process says, and where it says more. One that says nothing for long is killed, so that its test says
/// what it waited for.
pub(crate) fn first_line(child: &mut Child) -> (String, BufReader<ChildStdout>) {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        tell.send((line, stdout))
    });
    let said = told.recv_timeout(SPEAKS_WITHIN).or_else(|_| {
        child.kill().unwrap();
        told.recv()
    });
    said.unwrap()
}

/// Sends the signal and waits for the end.
pub(crate) fn end(child: Child, signal: &str) -> ExitStatus {
    kill(&child.id().to_string(), signal);
    wait(child)
}

fn kill(id: &str, signal: &str) {
    let killed = Command::new("kill").args(["-s", signal, id]).status().unwrap();
    assert!(killed.success(), "no process {id}");
}

/// Waits for the end of a process, which must be near.
pub(crate) fn wait(mut child: Child) -> ExitStatus {
    let id = child.id().to_string();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || tell.send(child.wait().unwrap()));
    let status = told.recv_timeout(ENDS_WITHIN);
    if status.is_err() {
        kill(&id, "KILL");
    }
    waiter.join().unwrap().unwrap();
    status.expect("the process did not end in time")
}

/// The directories of one test: a home, and the data of a daemon.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        let scratch = Self(TempDir::new().unwrap());
        for directory in [scratch.home(), scratch.data_dir()] {
            fs::create_dir(&directory).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&directory, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        }
        scratch
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The home of whoever runs `usher` here.
    pub(crate) fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Where a daemon may keep its data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    fn log(&self) -> File {
        File::options().append(true).create(true).open(self.path().join("log")).unwrap()
    }

    /// `usher` with nothing of the tester's own surroundings.
    pub(crate) fn command(&self, url: &str, arguments: &[&str]) -> Command {
        self.command_of(Path::new(USHER), url, arguments)
    }

    /// The same for a copy of it.
    pub(crate) fn command_of(&self, usher: &Path, url: &str, arguments: &[&str]) -> Command {
        let home = self.home();
        let mut command = Command::new(usher);
        command.args(arguments).env_clear().stdin(Stdio::null()).env("HOME", &home).env("USHER_URL", url);
        for (variable, place) in [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "share"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(variable, home.join(place));
        }
        command
    }
}

/// How a run of `usher` ended. Displayed whole, so that a snapshot holds everything a user sees.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// Runs the command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("usher writes UTF-8");
        Self {
            code: output.status.code().expect("usher ends by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same with these texts replaced, and with ids, times and the version masked.
    pub(crate) fn masked(mut self, texts: &[(&str, &str)]) -> Self {
        for text in [&mut self.stdout, &mut self.stderr] {
            for (from, to) in texts {
                *text = text.replace(from, to);
            }
            *text = masked(text);
        }
        self
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code {}", self.code)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "--- {name}\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}

/// Ids as `[id]`, times as `[time]`, the version as `[version]`: what is another in each run.
pub(crate) fn masked(text: &str) -> String {
    let text = text.replace(env!("CARGO_PKG_VERSION"), "[version]");
    let text = mask(&text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "[id]");
    mask(&text, "dddd-dd-ddTdd:dd:dd.dddZ", "[time]")
}

/// Replaces what has the shape: `x` is a hexadecimal digit, `d` a decimal one, anything else itself.
fn mask(text: &str, shape: &str, with: &str) -> String {
    let fits = |text: &str| {
        text.len() >= shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
                b'x' => byte.is_ascii_hexdigit(),
                b'd' => byte.is_ascii_digit(),
                literal => byte == literal,
            })
    };
    let mut masked = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if fits(rest) {
            masked.push_str(with);
            rest = &rest[shape.len()..];
        } else {
            masked.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    masked
}
