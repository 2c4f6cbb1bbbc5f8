//! One node: a real `usher cloud` on a free port.

use std::{
    fs,
    io::BufReader,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::postgres::Postgres;
use crate::{
    daemon::{Answer, USHER, end, first_line},
    raw::{Raw, Reply, Socket},
    steps::wait_until,
};

/// Where a node keeps everything; gone with the last who holds it.
#[derive(Clone)]
pub(crate) enum Place {
    File(std::sync::Arc<TempDir>),
    Server(Postgres),
}

impl Place {
    pub(crate) fn of_file() -> Self {
        Self::File(std::sync::Arc::new(TempDir::new().unwrap()))
    }

    /// What it is called in settings.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::File(folder) => folder.path().join("cloud.db").display().to_string(),
            Self::Server(server) => server.url(),
        }
    }
}

/// A running node. Dropped, it is killed.
pub(crate) struct Node {
    child: Option<Child>,
    _stdout: Option<BufReader<ChildStdout>>,
    url: String,
    place: Place,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Node {
    /// Starts a node on this database that takes tokens of this provider. `more` is added to its configuration.
    pub(crate) fn start(place: Place, issuer: &str, more: &str, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let issuer = format!("{more}\n[[issuer]]\nurl = \"{issuer}\"\nclient_id = \"usher\"\n");
        fs::write(folder.path().join("cloud.toml"), issuer).unwrap();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut node = Self { child: None, _stdout: None, url: String::new(), place, folder, arguments };
        node.run("127.0.0.1:0");
        node
    }

    /// A node that somebody starts in his own way.
    pub(crate) fn by(command: &mut Command) -> Self {
        let (place, folder) = (Place::of_file(), TempDir::new().unwrap());
        let mut node =
            Self { child: None, _stdout: None, url: String::new(), place, folder, arguments: Vec::new() };
        let log = fs::File::create(node.folder.path().join("log")).unwrap();
        assert!(node.spawn(command.stderr(log)), "it does not listen; {}", node.log());
        node
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("cloud.toml")
    }

    /// `usher cloud` with these arguments on the same database, ready to run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(USHER);
        command.arg("cloud").args(arguments).args(["--config", self.config().to_str().unwrap()]);
        command.env_clear().env("HOME", self.folder.path()).stdin(Stdio::null());
        command.env("USHER_CLOUD_DATABASE", self.place.text());
        command
    }

    fn run(&mut self, listen: &str) {
        assert!(self.comes_up(listen), "it does not listen; {}", self.log());
    }

    fn comes_up(&mut self, listen: &str) -> bool {
        let log = fs::File::options().append(true).create(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.command(&["--listen", listen]);
        command.args(&self.arguments).stderr(log);
        self.spawn(&mut command)
    }

    /// Whether it says where it listens before it ends.
    fn spawn(&mut self, command: &mut Command) -> bool {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (line, stdout) = first_line(&mut child);
        let Some(url) = line.trim_end().strip_prefix("listening on ") else {
            child.wait().unwrap();
            return false;
        };
        self.url = url.to_owned();
        (self.child, self._stdout) = (Some(child), Some(stdout));
        true
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Runs `usher cloud` with these arguments to its end.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Answer {
        Answer::of(&mut self.command(arguments))
    }

    /// Ends it in the middle of whatever it is doing.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("the node is running");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends it as a service manager does.
    pub(crate) fn stop(&mut self) {
        let status = end(self.child.take().expect("the node is running"), "TERM");
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        self.run(&listen);
    }

    /// The same as often as a service manager does it: what a node needs at its start may not be there yet.
    pub(crate) fn keep_starting(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        wait_until("the node starts", Duration::from_secs(120), || self.comes_up(&listen));
    }

    /// A request of the holder of this token.
    pub(crate) async fn get(&self, token: &str, path: &str) -> Reply {
        Reply::to(Raw::at(&self.url).request("GET", path).bearer_auth(token)).await
    }

    /// The same that posts this.
    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = Raw::at(&self.url).request("POST", path).bearer_auth(token);
        Reply::to(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// The same that posts nothing.
    pub(crate) async fn tell(&self, token: &str, path: &str) -> Reply {
        Reply::to(Raw::at(&self.url).request("POST", path).bearer_auth(token)).await
    }

    /// A stream of the holder of this token, or the status it is refused with.
    pub(crate) async fn stream(&self, token: &str, path: &str) -> Result<Socket, u16> {
        Raw::at(&self.url).handshake(path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Changes the name of the holder of this token, and expects it to be stored.
    pub(crate) async fn rename(&self, token: &str, name: &str) {
        let id = super::profile(&self.get(token, "/user").await)["user"]["id"].clone();
        let reply = self.post(token, "/user/update", &serde_json::json!({ "id": id, "name": name })).await;
        assert_eq!(super::profile(&reply)["name"], name);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
