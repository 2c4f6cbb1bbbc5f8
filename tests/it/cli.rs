//! The verbs of `usher` as people and scripts see them: what they print and where, and how they end. Here is what holds
//! for all of them.

mod access;
mod account;
mod bound;
mod profile;
mod status;
mod watch;

use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::daemon::{Answer, Daemon, Scratch};

/// Verbs that read, as they are asked for.
const READS: [&[&str]; 10] = [
    &["whoami"],
    &["accounts"],
    &["profile", "show"],
    &["watch"],
    &["access", "SEGMENT"],
    &["orgs"],
    &["apps"],
    &["origins", "list"],
    &["audit"],
    &["status"],
];

/// Verbs that change something.
const WRITES: [&[&str]; 8] = [
    &["login", "--local"],
    &["login", "--local", "--name", "Ada Lovelace", "--email", "ada@example.org"],
    &["logout"],
    &["switch", "ada@example.org"],
    &["profile", "set", "name", "Ada"],
    &["apps", "revoke", "JUPYTER"],
    &["origins", "allow", "http://localhost:8888"],
    &["origins", "deny", "http://localhost:8888"],
];

fn with_ada() -> Daemon {
    let daemon = Daemon::start();
    sign_in(&daemon, "Ada Lovelace", "ada@example.org");
    daemon
}

fn sign_in(daemon: &Daemon, name: &str, email: &str) {
    let answer = daemon.cli(&["login", "--local", "--name", name, "--email", email]);
    assert_eq!(answer.code, 0, "{answer}");
}

/// Where no daemon is: a port nobody gets without asking for it.
const NOWHERE: &str = "http://127.0.0.1:1";

/// `usher` without a daemon.
fn alone(arguments: &[&str]) -> Answer {
    Answer::of(&mut Scratch::new().command(NOWHERE, arguments)).masked(&[])
}

/// An organisation for every account, which sets one rule of each kind.
fn acme(data_dir: &Path) {
    let made = json!({ "value": "2026-01-01T00:00:00.000Z" });
    let entity = json!({
        "id": "0b5a0000-0000-4000-8000-000000000001",
        "name": "Acme",
        "type": "ORGANIZATION",
        "created": made,
        "updated": made,
        "configuration": {
            "analytics": { "segment": { "enabled": "DISABLED" } },
            "externalProvider": {
                "allowedCloudModels": {
                    "enabled": "ENABLED",
                    "allowedModels": { "iterable": [{ "unique": "gpt-5" }] },
                },
                "deniedWorkstreamPatternEngineSources": {
                    "enabled": "ENABLED",
                    "deniedSources": {
                        "iterable": [{ "application": "Slack", "bundle_identifiers": ["com.tinyspeck.slackmacgap"] }],
                    },
                },
                "deniedWorkstreamPatternEngineWebsites": {
                    "enabled": "ENABLED",
                    "deniedWebsites": { "iterable": [{ "url": "bank.example" }] },
                },
                "processing": { "enabled": "ENABLED", "processing": "LOCAL" },
            },
        },
    });
    policy(data_dir, "acme.json", &entity.to_string());
}

fn policy(data_dir: &Path, file: &str, text: &str) {
    std::fs::create_dir_all(data_dir.join("policies")).unwrap();
    std::fs::write(data_dir.join("policies").join(file), text).unwrap();
}

#[test]
fn signed_out() {
    let daemon = Daemon::start();
    assert_snapshot!(daemon.cli(&["whoami"]), @r"
    exit code 1
    --- stderr
    error: nobody is signed in
    hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
    ");
    assert_snapshot!(daemon.cli(&["whoami", "--json"]), @r"
    exit code 1
    --- stdout
    null
    --- stderr
    error: nobody is signed in
    hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
    ");
    assert_snapshot!(daemon.cli(&["accounts"]), @r"
    exit code 0
    --- stderr
    there is no account on this device yet
    ");
    assert_snapshot!(daemon.cli(&["accounts", "--json"]), @r#"
    exit code 0
    --- stdout
    {
      "iterable": []
    }
    "#);
    assert_snapshot!(daemon.cli(&["login", "--local"]), @r"
    exit code 1
    --- stderr
    error: there is no account on this device yet
    hint: `usher login --local --name NAME --email EMAIL` makes one
    ");
    assert_snapshot!(daemon.cli(&["login"]), @r"
    exit code 1
    --- stderr
    error: this installation has no identity provider to sign in with
    hint: `usher login --local --name NAME --email EMAIL` makes a local account
    ");
    assert_snapshot!(daemon.cli(&["logout"]), @r"
    exit code 0
    --- stderr
    nobody was signed in
    ");
    assert_snapshot!(daemon.cli(&["switch", "ada@example.org"]), @r"
    exit code 1
    --- stderr
    error: no account of this device is called `ada@example.org`
    hint: `usher accounts` lists them, `usher login --local --name NAME --email EMAIL` makes one
    ");
    assert_snapshot!(daemon.cli(&["profile", "show"]), @r"
    exit code 1
    --- stderr
    error: nobody is signed in
    hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "name", "Ada"]), @r"
    exit code 1
    --- stderr
    error: nobody is signed in
    hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
    ");
    assert_snapshot!(daemon.cli(&["access", "SEGMENT"]), @r"
    exit code 1
    --- stderr
    error: nobody is signed in
    hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
    ");
    assert_snapshot!(daemon.cli(&["orgs"]), @r"
    exit code 1
    --- stderr
    error: nobody is signed in
    hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
    ");
    assert_snapshot!(daemon.cli(&["status"]), @r"
    exit code 0
    --- stdout
    daemon        [url]
    version       [version]
    installation  [id]
    ready         yes
    signed in     no
    accounts      0
    data          [data]
    guard         strict
    other users   are refused
    socket        [data]/usher.sock
    policies      -
    ");
}

#[test]
fn without_a_daemon_every_verb_fails_with_the_next_step() {
    for arguments in READS.iter().chain(&WRITES) {
        let answer = alone(arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{arguments:?}");
        assert_eq!(answer.stderr.lines().count(), 2, "{arguments:?}: {answer}");
        assert!(answer.stderr.contains("cannot be reached"), "{arguments:?}: {answer}");
    }
    assert_snapshot!(alone(&["whoami"]), @r"
    exit code 1
    --- stderr
    error: http://127.0.0.1:1 cannot be reached (Connection refused (os error 111)): run `usher serve`
    hint: `usher doctor` looks for the cause
    ");
    assert_snapshot!(alone(&["doctor"]), @r"
    exit code 1
    --- stdout
    wrong  daemon  http://127.0.0.1:1 cannot be reached (Connection refused (os error 111)): run `usher serve`
                   fix: USHER_URL names this daemon: start it there, or unset USHER_URL to search this machine
    ok     clock   shows a plausible time
    ok     proxy   no proxy is set for calls to the daemon
    --- stderr
    1 thing is wrong
    ");
}

#[test]
fn a_wrong_address_is_an_error_with_an_example() {
    assert_snapshot!(Answer::of(&mut Scratch::new().command("localhost:39300", &["whoami"])), @r"
    exit code 1
    --- stderr
    error: `localhost:39300` is not an HTTP address: write it like `http://127.0.0.1:39300`
    hint: correct the value and run the command again
    ");
}

#[test]
fn every_read_has_json() {
    let daemon = with_ada();
    for arguments in READS.iter().filter(|arguments| arguments[0] != "watch") {
        let answer = daemon.cli(&[arguments, &["--json"][..]].concat());
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(serde_json::from_str::<Value>(&answer.stdout).is_ok(), "{arguments:?}: {answer}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    assert_snapshot!(alone(&["whoareyou"]), @r"
    exit code 2
    --- stderr
    error: unrecognized subcommand 'whoareyou'

      tip: a similar subcommand exists: 'whoami'

    Usage: usher [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(alone(&["login", "--name", "Ada Lovelace"]), @r"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      --local
      --email <EMAIL>

    Usage: usher login --local --email <EMAIL> --name <NAME>

    For more information, try '--help'.
    ");
    assert_snapshot!(alone(&["switch"]), @r"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <ACCOUNT>

    Usage: usher switch <ACCOUNT>

    For more information, try '--help'.
    ");
    assert_eq!(alone(&[]).code, 2);
    assert_eq!(alone(&["completions", "klingon"]).code, 2);
}

#[test]
fn help_and_version_go_to_stdout() {
    assert_snapshot!(alone(&["--version"]), @r"
    exit code 0
    --- stdout
    usher [version]
    ");
    assert_snapshot!(alone(&["--help"]), @r"
    exit code 0
    --- stdout
    One signed-in user for every tool on this machine

    Usage: usher [OPTIONS] <COMMAND>

    Commands:
      serve        Run the daemon
      cloud        Run a cloud: the same API for many users, behind tokens of an identity provider
      login        Sign in
      logout       Sign out; the other accounts of this device stay
      token        Print a fresh access token of the signed-in user
      whoami       Who is signed in; exit code 1 when nobody is
      accounts     List the accounts of this device; `*` marks the one that is signed in, `>` the one bound to
      switch       Make another account of this device the current one, or bind this folder to it
      profile      Read or change the profile of the signed-in user
      watch        Print one line for each change of the user or the profile, the present state first
      access       Whether the policies of the user's organisations allow a feature; exit code 1 when they do not
      orgs         List the organisations and teams of the signed-in user
      sessions     List the devices and programs that use the account at its cloud, or end one; `*` marks this one
      export       Print everything the cloud keeps of the signed-in user, as JSON
      delete       Delete the account of the signed-in user at its cloud
      apps         List the applications that introduced themselves, or keep one from reading tokens
      origins      Which web pages may call the daemon
      audit        Who read a token, signed in, or changed what is trusted: the latest first
      status       How the daemon is doing
      doctor       Look for what is wrong and say how to mend it; exit code 1 when something is
      completions  Print a completion script
      openapi      Print the OpenAPI document of the daemon
      help         Print this message or the help of the given subcommand(s)

    Options:
          --json               Print JSON, the models of the API as they are
          --account <ACCOUNT>  Speak of this account of the device instead of the current one: its id, e-mail or user name
      -h, --help               Print help
      -V, --version            Print version

    The daemon is found by itself; USHER_URL names another one. USHER_ACCOUNT is as --account.
    Exit codes: 0 done, 1 failed, denied or not signed in, 2 wrong usage or configuration, 3 already running.
    ");
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let answer = alone(&["completions", shell]);
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{shell}");
        assert!(answer.stdout.contains("whoami"), "{shell}");
    }
}

#[test]
fn the_openapi_document_needs_no_daemon() {
    let answer = alone(&["openapi"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(document["paths"]["/user"]["get"].is_object());
}

#[test]
fn a_reader_that_is_gone_ends_a_verb_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let answer = Answer::of(Scratch::new().command(NOWHERE, &["completions", "zsh"]).stdout(writer));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
}

#[test]
fn a_second_daemon_on_the_same_data_names_the_first() {
    let daemon = Daemon::start();
    let answer = Answer::of(&mut daemon.serve("127.0.0.1:0"));
    assert_eq!((answer.code, answer.stdout.as_str()), (3, ""), "{answer}");
    assert!(answer.stderr.contains(daemon.url()), "{answer}");
    assert!(answer.stderr.contains("--data-dir"), "the next step: {answer}");
}
