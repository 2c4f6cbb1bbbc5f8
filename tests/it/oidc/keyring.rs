//! A real keyring (gnome-keyring on a bus of its own, with a home that is thrown away): used, lost, found again and locked.
//! The place of the key never changes by itself, and nothing is ever written in plain.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;
use usher_client::{Code, UserApi};

use super::*;
use crate::{contract::until, steps::tool};

const STORE: &str = "token_store = \"keyring\"";

/// A home with a bus and, once it is started, a keyring on it.
struct Keyring {
    home: TempDir,
    running: Vec<Child>,
}

impl Keyring {
    /// `None` when it cannot be had and the tester allows that.
    fn new() -> Option<Self> {
        if tool("get_keyring").is_none() {
            crate::steps::missing("a keyring cannot be had (dbus and gnome-keyring)");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        for folder in ["run", "share/keyrings"] {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        Some(Self { home, running: Vec::new() })
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.home.path().join("bus").display())
    }

    /// Starts the bus and the keyring, opened with its password or locked.
    async fn start(&mut self, is_open: bool) {
        let bus = self
            .command("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile"])
            .arg(format!("--address={}", self.address()))
            .spawn();
        self.running.push(bus.unwrap());
        until(|| async { self.asks("org.freedesktop.DBus").then_some(()) }).await;
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).args(is_open.then_some("--unlock"));
        let mut keyring = command.stdin(Stdio::piped()).spawn().unwrap();
        keyring.stdin.take().unwrap().write_all(b"test-pass").unwrap();
        self.running.push(keyring);
        until(|| async { self.asks("org.freedesktop.secrets").then_some(()) }).await;
    }

    /// Whether somebody has this name on the bus.
    fn asks(&self, name: &str) -> bool {
        let mut ask = self.command("dbus-send");
        ask.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.NameHasOwner",
        ]);
        let answer = ask.arg(format!("string:{name}")).stdout(Stdio::piped()).output().unwrap();
        String::from_utf8_lossy(&answer.stdout).contains("boolean true")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let home = self.home.path();
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("share"));
        command.env("XDG_RUNTIME_DIR", home.join("run")).env("DBUS_SESSION_BUS_ADDRESS", self.address());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Ends both, as at the end of a session.
    fn stop(&mut self) {
        for mut child in self.running.drain(..).rev() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// A daemon that keeps its key here.
    fn daemon(&self, provider: &Provider) -> Daemon {
        let bus = [("DBUS_SESSION_BUS_ADDRESS", self.address())];
        let bus = bus.each_ref().map(|(name, value)| (*name, value.as_str()));
        Daemon::start_as(&bus, |data| configure(data, provider.url(), STORE))
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.stop();
    }
}

fn key_file(daemon: &Daemon) -> bool {
    daemon.data_dir().join("tokens.key").exists()
}

#[tokio::test]
async fn a_keyring_that_is_lost_is_named_and_nothing_takes_its_place() {
    let (Some(provider), Some(mut keyring)) = (Provider::start(&[]), Keyring::new()) else { return };
    keyring.start(true).await;
    let mut daemon = keyring.daemon(&provider);
    let alice = sign_alice_in(&daemon).await.user.unwrap();
    let application = application(&daemon).await;
    let token = application.user_access_token(&anyone()).await.unwrap();
    assert_eq!(session(&daemon).await["tokenStore"], "keyring");
    daemon.stop();
    daemon.start_again();
    let again = self::application(&daemon).await;
    assert_eq!(again.user_access_token(&anyone()).await.unwrap(), token);
    daemon.stop();
    keyring.stop();
    daemon.start_again();
    let lost = self::application(&daemon).await.user_access_token(&anyone()).await.unwrap_err();
    assert_eq!(lost.code, Code::UpstreamFailed);
    assert!(lost.message.contains("keyring") && lost.message.contains("token_store = \"file\""), "{lost}");
    let failed = start(&daemon.client(), "browser").await;
    assert_eq!(outcome(&failed), ("failed", Some("keyring_unavailable")));
    assert!(!key_file(&daemon), "the file is chosen by people only");
    assert_eq!(Raw::new(&daemon).user().await["id"], alice.as_str(), "he is still himself");
    daemon.stop();
    keyring.start(true).await;
    daemon.start_again();
    let found = self::application(&daemon).await;
    assert_eq!(found.user_access_token(&anyone()).await.unwrap(), token);
}

#[tokio::test]
async fn a_keyring_that_is_locked_is_named_in_time() {
    let (Some(provider), Some(mut keyring)) = (Provider::start(&[]), Keyring::new()) else { return };
    keyring.start(true).await;
    let made = keyring.home.path().join("share/keyrings/login.keyring");
    until(|| async { made.exists().then_some(()) }).await;
    keyring.stop();
    keyring.start(false).await;
    let daemon = keyring.daemon(&provider);
    let begun = Instant::now();
    let failed = start(&daemon.client(), "browser").await;
    assert_eq!(outcome(&failed), ("failed", Some("keyring_unavailable")), "{failed:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(!key_file(&daemon) && json!(failed).to_string().contains("unlock"), "{failed:?}");
}
