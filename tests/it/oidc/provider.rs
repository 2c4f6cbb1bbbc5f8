//! The providers: processes of `tests/oidc`, and a person in front of their pages.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    daemon::first_line,
    raw::{Raw, Reply},
    steps::tool,
};

/// How long a person may stay on the pages of a provider.
const LEAVES_WITHIN: Duration = Duration::from_secs(60);

/// A running provider. Dropped, it is killed.
pub(crate) struct Provider {
    child: Child,
    /// Kept open: it goes on to talk.
    _stdout: BufReader<ChildStdout>,
    url: String,
    /// What else it said: the client it knows.
    client: String,
    program: &'static str,
}

impl Provider {
    /// The certified one, set up by these variables. `None` when it cannot be had and the tester allows that.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Option<Self> {
        Self::run("server.mjs", settings)
    }

    /// The one that lies.
    pub(crate) fn start_liar() -> Option<Self> {
        Self::run("mock.mjs", &[])
    }

    fn run(program: &'static str, settings: &[(&str, &str)]) -> Option<Self> {
        let packages = packages()?;
        // Node looks for packages beside the program.
        let copy = tempfile::Builder::new().suffix(program).tempfile_in(packages).unwrap();
        std::fs::copy(tests().join("oidc").join(program), copy.path()).unwrap();
        let mut command = Command::new("node");
        command.arg("--no-warnings").arg(copy.path()).envs(settings.iter().copied());
        Some(Self::listen_to(command, program))
    }

    /// One of another make, which sends browsers to this address only.
    pub(super) fn start_second(redirect_uri: &str) -> Option<Self> {
        let venv = tool("get_venv canaille-0.3.6 >&2 && venv_dir canaille-0.3.6");
        let Some(venv) = venv else {
            crate::steps::missing("the second OpenID provider cannot be had (python3 and canaille)");
            return None;
        };
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(tests().join("oidc/second.py")).arg(redirect_uri).stderr(Stdio::null());
        Some(Self::listen_to(command, "second.py"))
    }

    fn listen_to(mut command: Command, program: &'static str) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (line, stdout) = first_line(&mut child);
        let said = line.trim_end().strip_prefix("ready ").expect("the provider starts");
        let (url, client) = said.split_once(' ').unwrap_or((said, "usher"));
        let (url, client) = (url.to_owned(), client.to_owned());
        Self { child, _stdout: stdout, url, client, program }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn client(&self) -> &str {
        &self.client
    }

    /// Ends it, as if its machine were gone.
    pub(crate) fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again where it was, with other keys and nothing of what it knew.
    pub(crate) fn start_again(&mut self, settings: &[(&str, &str)]) {
        self.stop();
        let port = self.url.rsplit(':').next().unwrap().to_owned();
        let again = Self::run(self.program, &[settings, &[("PORT", &port)]].concat());
        *self = again.expect("it was started before");
    }

    /// How often a path was asked.
    pub(crate) async fn count(&self, path: &str) -> u64 {
        let counts = Raw::at(&self.url).get("/test/counts").await.json();
        counts[path].as_u64().unwrap_or_default()
    }

    /// Breaks paths, and mends those that were broken before.
    pub(crate) async fn break_down(&self, faults: Value) {
        assert_eq!(Raw::at(&self.url).send("/test/fault", &faults).await.status, 200);
    }

    /// From now on it lies like this.
    pub(crate) async fn lie(&self, lies: Value) {
        assert_eq!(Raw::at(&self.url).send("/test/lies", &lies).await.status, 200);
    }

    /// From now on the liar signs with a new key.
    pub(crate) async fn rotate(&self) {
        assert_eq!(Raw::at(&self.url).send("/test/rotate", &json!({})).await.status, 200);
    }

    /// A token of the liar with these claims.
    pub(crate) async fn token(&self, claims: Value) -> String {
        Raw::at(&self.url).send("/test/token", &claims).await.body
    }

    /// Whether it says that a token is good.
    pub(crate) async fn accepts(&self, token: &str) -> bool {
        let form = format!("token={token}&client_id=usher");
        let request = Raw::at(&self.url).request("POST", "/oauth/introspect").body(form);
        let reply = Reply::to(request.header("content-type", "application/x-www-form-urlencoded")).await;
        let request = Raw::at(&self.url).request("GET", "/userinfo").bearer_auth(token);
        reply.json()["active"] == true && Reply::to(request).await.status == 200
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").canonicalize().unwrap()
}

/// The folder with the packages of `tests/oidc`, fetched when they are not there.
fn packages() -> Option<PathBuf> {
    static PACKAGES: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PACKAGES.get_or_init(|| tool("get_node oidc >&2 && node_dir oidc"));
    if found.is_none() {
        crate::steps::missing(
            "the OpenID providers cannot be had (node, npm and the packages of tests/oidc)",
        );
    }
    found.clone()
}

/// A person who signs in, or declines: where the browser is sent in the end, or what its last page says.
pub(crate) async fn person(mode: &str, url: &str, login: &str, declines: bool) -> String {
    let mut command = tokio::process::Command::new("python3");
    command.arg(tests().join("oidc/person.py")).args([mode, url, login]).args(declines.then_some("deny"));
    let output = timeout(LEAVES_WITHIN, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("nobody came back from {url}")).unwrap();
    let text = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}
