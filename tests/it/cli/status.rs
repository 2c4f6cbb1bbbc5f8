//! `status` and `doctor`: a daemon that is well, one that is not, and none.

use insta::assert_snapshot;

use super::{acme, policy, sign_in, with_ada};
use crate::daemon::{Answer, Daemon};

#[test]
fn a_bad_policy_file_shows_in_status_and_doctor() {
    let daemon = Daemon::start_with(|data_dir| {
        acme(data_dir);
        policy(data_dir, "initech.json", r#"{ "id": 7, "name": "Initech" }"#);
    });
    sign_in(&daemon, "Ada Lovelace", "ada@example.org");
    assert_snapshot!(daemon.cli(&["status"]), @r"
    exit code 0
    --- stdout
    daemon        [url]
    version       [version]
    installation  [id]
    ready         yes
    signed in     yes
    accounts      1
    data          [data]
    guard         strict
    other users   are refused
    socket        [data]/usher.sock
    policies      2
      acme.json: Acme
      initech.json: it is no entity: invalid type: integer `7`, expected a string at line 1 column 9; nothing is in force from it
    ");
    assert_snapshot!(daemon.cli(&["status", "--json"]), @r#"
    exit code 0
    --- stdout
    {
      "version": "[version]",
      "os": "[id]",
      "ready": true,
      "signedIn": true,
      "accounts": 1,
      "dataDir": "[data]",
      "policies": [
        {
          "file": "acme.json",
          "entity": "Acme"
        },
        {
          "file": "initech.json",
          "problem": "it is no entity: invalid type: integer `7`, expected a string at line 1 column 9"
        }
      ],
      "guard": {
        "mode": "strict",
        "checksUsers": true,
        "socket": "[data]/usher.sock"
      }
    }
    "#);
    assert_snapshot!(daemon.cli(&["doctor"]), @r"
    exit code 1
    --- stdout
    ok     daemon    answers at [url], named by USHER_URL
    ok     ready     the store is open
    ok     version   daemon and program are [version]
    ok     data      [data] is open to its owner only
    wrong  policies  not used in the present form: `initech.json`
                     fix: `usher status` tells what is wrong; a corrected file is read at once
    ok     clock     shows a plausible time
    ok     proxy     no proxy is set for calls to the daemon
    --- stderr
    1 thing is wrong
    ");
}

#[test]
fn doctor_finds_nothing_wrong_and_tells_nothing_personal() {
    let daemon = with_ada();
    let answer = daemon.cli(&["doctor"]);
    assert_snapshot!(answer, @r"
    exit code 0
    --- stdout
    ok  daemon    answers at [url], named by USHER_URL
    ok  ready     the store is open
    ok  version   daemon and program are [version]
    ok  data      [data] is open to its owner only
    ok  policies  no policy file in use
    ok  clock     shows a plausible time
    ok  proxy     no proxy is set for calls to the daemon
    --- stderr
    nothing is wrong
    ");
    let json = daemon.cli(&["doctor", "--json"]);
    assert_snapshot!(json.stdout.lines().take(8).collect::<Vec<_>>().join("\n"), @r#"
    {
      "ok": true,
      "checks": [
        {
          "name": "daemon",
          "ok": true,
          "found": "answers at [url], named by USHER_URL"
        },
    "#);
    for personal in ["Ada", "ada@", "[id]"] {
        assert!(!format!("{answer}{json}").contains(personal), "{personal} in {answer}{json}");
    }
}

#[cfg(unix)]
#[test]
fn doctor_says_how_to_mend_what_is_wrong() {
    let daemon = Daemon::start();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(daemon.data_dir(), mode).unwrap();
    let mut doctor = daemon.command(&["doctor"]);
    doctor.env("http_proxy", "http://ada:secret@proxy.example:8080");
    let data = daemon.data_dir().display().to_string();
    assert_snapshot!(Answer::of(&mut doctor).masked(&[(daemon.url(), "[url]"), (&data, "[data]")]), @r"
    exit code 1
    --- stdout
    ok     daemon    answers at [url], named by USHER_URL
    ok     ready     the store is open
    ok     version   daemon and program are [version]
    wrong  data      [data] is open to other users (mode 755)
                     fix: run `chmod 700 [data]`
    ok     policies  no policy file in use
    ok     clock     shows a plausible time
    wrong  proxy     http_proxy is set and also applies to this machine, so other tools may miss the daemon
                     fix: add `127.0.0.1,localhost,::1` to NO_PROXY and no_proxy
    --- stderr
    2 things are wrong
    ");
}
