//! `usher login`, `usher token` and `usher logout` as a person at a terminal uses them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStderr, Stdio},
};

use super::*;
use crate::daemon::{end as end_process, wait};

/// A verb that waits for a person: what it says is read as it comes.
struct Verb {
    child: Child,
    talk: BufReader<ChildStderr>,
}

impl Verb {
    fn run(daemon: &Daemon, arguments: &[&str]) -> Self {
        let mut command = daemon.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let talk = BufReader::new(child.stderr.take().unwrap());
        Self { child, talk }
    }

    /// The address in its talk after these words.
    fn address(&mut self, after: &str) -> String {
        let mut text = String::new();
        while self.talk.read_line(&mut text).unwrap() > 0 {
            let rest = text.split_once(after).map(|(_, rest)| rest.trim());
            if let Some(address) = rest.and_then(|rest| rest.split_whitespace().next()) {
                return address.to_owned();
            }
        }
        panic!("no address in {text:?}");
    }

    /// Exit code, data, and what else it said.
    fn ended(mut self) -> (Option<i32>, String, String) {
        let (mut data, mut rest) = (String::new(), String::new());
        self.talk.read_to_string(&mut rest).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut data).unwrap();
        (wait(self.child).code(), data, rest)
    }
}

#[tokio::test]
async fn login_by_pasting_then_a_token_then_logout() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let mut login = Verb::run(&daemon, &["login", "--paste", "--json"]);
    let address = login.address("to sign in, go to");
    let back = person("authorize", &address, ALICE, false).await;
    writeln!(login.child.stdin.take().unwrap(), "{back}").unwrap();
    let (code, data, talk) = login.ended();
    assert_eq!(code, Some(0), "{talk}");
    assert!(talk.contains("signed in as Test alice <alice@example.test>"), "{talk}");
    assert_eq!(serde_json::from_str::<Value>(&data).unwrap()["email"], "alice@example.test");

    let token = daemon.cli(&["token"]);
    assert_eq!((token.code, token.stderr.as_str()), (0, ""), "{token}");
    assert!(provider.accepts(token.stdout.trim()).await);
    let json: Value = serde_json::from_str(&daemon.cli(&["token", "--json"]).stdout).unwrap();
    assert_eq!(json["access_token"], token.stdout.trim());
    assert_eq!(daemon.cli(&["logout"]).code, 0);
    insta::assert_snapshot!(daemon.cli(&["token"]), @r"
    exit code 1
    --- stderr
    error: nobody is signed in
    hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
    ");
}

#[tokio::test]
async fn login_with_a_code() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let mut login = Verb::run(&daemon, &["login", "--device", "--issuer", "test"]);
    let address = login.address("or go to");
    person("device", &address, ALICE, false).await;
    let (code, data, talk) = login.ended();
    assert_eq!((code, data.as_str()), (Some(0), ""), "{talk}");
    assert!(talk.contains("signed in as Test alice"), "{talk}");
}

#[tokio::test]
async fn ctrl_c_ends_the_sign_in() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let started = start(&daemon.client(), "browser").await;
    let mut login = Verb::run(&daemon, &["login"]);
    assert_eq!(login.address("to sign in, go to"), url(&started), "it joins the one that runs");
    let ended = tokio::task::spawn_blocking(move || end_process(login.child, "INT"));
    assert_eq!(outcome(&end(&daemon.client(), &started.id).await), ("cancelled", Some("cancelled")));
    assert_eq!(ended.await.unwrap().code(), Some(1));
}

#[tokio::test]
async fn a_login_that_fails_ends_with_the_next_step() {
    let daemon = daemon_of("http://127.0.0.1:1", "");
    insta::assert_snapshot!(daemon.cli(&["login"]), @r"
    exit code 1
    --- stderr
    error: not signed in: http://127.0.0.1:1/.well-known/openid-configuration cannot be reached (Connection refused (os error 111))
    hint: check the network, the proxy and the URL of the issuer, then try again
    ");
    insta::assert_snapshot!(daemon.cli(&["login", "--issuer", "nobody"]), @r"
    exit code 1
    --- stderr
    error: cannot sign in: `issuer` must be one of http://127.0.0.1:1
    hint: correct the value and run the command again
    ");
    insta::assert_snapshot!(daemon.cli(&["login", "--local", "--name", "Eve", "--email", "eve@example.org"]), @r"
    exit code 1
    --- stderr
    error: cannot sign in: no account of this device is called so: run `usher login` to sign in with the identity provider
    hint: `usher login` signs in with the identity provider
    ");
}
