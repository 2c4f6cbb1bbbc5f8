//! `login`, `logout`, `whoami`, `accounts` and `switch`.

use insta::assert_snapshot;
use serde_json::Value;
use usher_client::{Caller, UserApi};

use super::{sign_in, with_ada};
use crate::daemon::{Answer, Daemon};

#[test]
fn signing_in_and_out() {
    let daemon = Daemon::start();
    let login = ["login", "--local", "--name", "Ada Lovelace", "--email", "ada@example.org"];
    assert_snapshot!(daemon.cli(&login), @r"
    exit code 0
    --- stderr
    signed in as Ada Lovelace <ada@example.org>
    ");
    assert_snapshot!(daemon.cli(&["whoami"]), @r"
    exit code 0
    --- stdout
    name      Ada Lovelace
    email     ada@example.org
    username  -
    id        [id]
    ");
    assert_snapshot!(daemon.cli(&["whoami", "--json"]), @r#"
    exit code 0
    --- stdout
    {
      "id": "[id]",
      "email": "ada@example.org",
      "name": "Ada Lovelace",
      "aesthetics": {
        "font": {
          "size": 14
        },
        "theme": {
          "dark": true
        }
      },
      "created": {
        "value": "[time]"
      },
      "updated": {
        "value": "[time]"
      },
      "schema": {
        "migration": 0,
        "semantic": "MAJOR_0_MINOR_0_PATCH_1"
      }
    }
    "#);
    assert_snapshot!(daemon.cli(&["logout"]), @r"
    exit code 0
    --- stderr
    signed out Ada Lovelace <ada@example.org>
    ");
    assert_snapshot!(daemon.cli(&["logout"]), @r"
    exit code 0
    --- stderr
    nobody was signed in
    ");
    assert_snapshot!(daemon.cli(&["accounts"]), @r"
    exit code 0
    --- stdout
       Ada Lovelace  ada@example.org  -  [id]
    ");
    assert_snapshot!(daemon.cli(&["login", "--local"]), @r"
    exit code 0
    --- stderr
    signed in as Ada Lovelace <ada@example.org>
    ");
    assert_snapshot!(daemon.cli(&["logout", "--json"]).stderr, @"signed out Ada Lovelace <ada@example.org>");
    assert_snapshot!(daemon.cli(&["login", "--local", "--email", "ADA@example.org"]), @r"
    exit code 0
    --- stderr
    signed in as Ada Lovelace <ada@example.org>
    ");
    assert_snapshot!(daemon.cli(&["login", "--local", "--email", "nobody"]), @r"
    exit code 1
    --- stderr
    error: cannot sign in: `email` must be an e-mail address
    hint: correct the value and run the command again
    ");
    assert_snapshot!(daemon.cli(&["login", "--local", "--email", "eve@example.org", "--name", "\u{1b}[2JEve"]), @r"
    exit code 0
    --- stderr
    signed in as �[2JEve <eve@example.org>
    ");
}

#[test]
fn accounts_and_switching() {
    let daemon = with_ada();
    sign_in(&daemon, "Sam", "sam@example.org");
    assert_eq!(daemon.cli(&["profile", "set", "username", "sam"]).code, 0);
    sign_in(&daemon, "Sam", "sam@example.com");
    assert_snapshot!(daemon.cli(&["accounts"]), @r"
    exit code 0
    --- stdout
    *  Sam           sam@example.com  -    [id]
       Sam           sam@example.org  sam  [id]
       Ada Lovelace  ada@example.org  -    [id]
    ");
    assert_snapshot!(daemon.cli(&["switch", "ada lovelace"]), @r"
    exit code 0
    --- stderr
    switched to Ada Lovelace <ada@example.org>
    ");
    assert_snapshot!(daemon.cli(&["accounts"]), @r"
    exit code 0
    --- stdout
    *  Ada Lovelace  ada@example.org  -    [id]
       Sam           sam@example.com  -    [id]
       Sam           sam@example.org  sam  [id]
    ");
    assert_snapshot!(daemon.cli(&["switch", "SAM@EXAMPLE.COM"]), @r"
    exit code 0
    --- stderr
    switched to Sam <sam@example.com>
    ");
    assert_snapshot!(daemon.cli(&["switch", "sam"]), @r"
    exit code 0
    --- stderr
    switched to Sam <sam@example.org>
    ");
    assert_snapshot!(daemon.cli(&["switch", "Grace"]), @r"
    exit code 1
    --- stderr
    error: no account of this device is called `Grace`
    hint: `usher accounts` lists them, `usher login --local --name NAME --email EMAIL` makes one
    ");
    let accounts: Value =
        serde_json::from_str(&Answer::of(&mut daemon.command(&["accounts", "--json"])).stdout).unwrap();
    let ada =
        accounts["iterable"].as_array().unwrap().iter().find(|user| user["name"] == "Ada Lovelace").unwrap();
    assert_snapshot!(daemon.cli(&["switch", ada["id"].as_str().unwrap()]), @r"
    exit code 0
    --- stderr
    switched to Ada Lovelace <ada@example.org>
    ");
}

#[tokio::test]
async fn an_ambiguous_name_lists_whom_it_may_mean() {
    let daemon = with_ada();
    sign_in(&daemon, "Sam", "sam@example.org");
    sign_in(&daemon, "Sam", "sam@example.com");
    assert_snapshot!(daemon.cli(&["switch", "sam"]), @r"
    exit code 1
    --- stderr
    error: several accounts are called `sam`:
      [id]  Sam <sam@example.com>
      [id]  Sam <sam@example.org>
    hint: name one by its id or e-mail
    ");
    let present = daemon.client().user_snapshot(&Caller::default()).await.unwrap();
    assert_eq!(
        present.user.as_ref().unwrap().email.as_deref(),
        Some("sam@example.com"),
        "nobody was switched to"
    );
}
