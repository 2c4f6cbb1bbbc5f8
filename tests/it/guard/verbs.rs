//! `usher apps`, `usher origins` and `usher audit`: what people see of trust, and how they change it.

use insta::assert_snapshot;

use super::{JUPYTER, Page, connect, token};
use crate::{contract::sign_in, daemon::Daemon, raw::Raw};

#[tokio::test]
async fn apps() {
    let daemon = Daemon::start();
    let id = connect(&daemon, "JUPYTER").await;
    connect(&daemon, "SUBLIME").await;
    let described = serde_json::json!({
        "application": { "name": "SUBLIME", "descriptor": "text\u{1b}[31m", "platform": "LINUX", "version": "2" },
    });
    assert_eq!(Raw::new(&daemon).send("/connect", &described).await.status, 200);
    assert_snapshot!(daemon.cli(&["apps"]), @r"
    exit code 0
    --- stdout
    OS_SERVER            12.9.9  [id]
    JUPYTER              1       [id]
    SUBLIME              1       [id]
    SUBLIME (text�[31m)  2       [id]
    ");
    assert_snapshot!(daemon.cli(&["apps", "revoke", "JUPYTER"]), @r"
    exit code 0
    --- stdout
    OS_SERVER            12.9.9  [id]
    JUPYTER              1       [id]  revoked
    SUBLIME              1       [id]
    SUBLIME (text�[31m)  2       [id]
    ");
    assert_snapshot!(daemon.cli(&["apps", "restore", &id]), @r"
    exit code 0
    --- stdout
    OS_SERVER            12.9.9  [id]
    JUPYTER              1       [id]
    SUBLIME              1       [id]
    SUBLIME (text�[31m)  2       [id]
    ");
    assert_snapshot!(daemon.cli(&["apps", "revoke", "SUBLIME"]), @r"
    exit code 1
    --- stderr
    error: several applications are named `SUBLIME`
    hint: name one by its id, `usher apps` lists them
    ");
    assert_snapshot!(daemon.cli(&["apps", "revoke", "EMACS"]), @r"
    exit code 1
    --- stderr
    error: no application `EMACS`
    hint: `usher apps` lists them
    ");
    assert_snapshot!(daemon.cli(&["apps", "restore", "EMACS"]), @r"
    exit code 1
    --- stderr
    error: no application `EMACS`
    hint: `usher apps` lists them
    ");
    assert_snapshot!(daemon.cli(&["apps", "revoke"]), @r"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <APPLICATION>

    Usage: usher apps revoke <APPLICATION>

    For more information, try '--help'.
    ");
}

#[tokio::test]
async fn origins() {
    let daemon = Daemon::start();
    assert_snapshot!(daemon.cli(&["origins", "list"]), @r"
    exit code 0
    --- stderr
    no web page has asked to call this daemon
    ");
    Page::of(&daemon, JUPYTER).get("/user").await;
    assert_snapshot!(daemon.cli(&["origins", "list"]), @r"
    exit code 0
    --- stdout
    asked  http://localhost:8888  [time]
    ");
    assert_snapshot!(daemon.cli(&["origins", "allow", JUPYTER]), @r"
    exit code 0
    --- stdout
    allowed  http://localhost:8888  [time]
    ");
    assert_eq!(Page::of(&daemon, JUPYTER).get("/user").await.status, 200);
    assert_snapshot!(daemon.cli(&["origins", "deny", "HTTPS://Example.org/"]), @r"
    exit code 0
    --- stdout
    denied  https://example.org  [time]
    ");
    assert_snapshot!(daemon.cli(&["origins", "list"]), @r"
    exit code 0
    --- stdout
    allowed  http://localhost:8888  [time]
    denied   https://example.org    [time]
    ");
    assert_snapshot!(daemon.cli(&["origins", "list", "--json"]), @r#"
    exit code 0
    --- stdout
    {
      "iterable": [
        {
          "origin": "http://localhost:8888",
          "verdict": "ALLOWED",
          "at": {
            "value": "[time]"
          }
        },
        {
          "origin": "https://example.org",
          "verdict": "DENIED",
          "at": {
            "value": "[time]"
          }
        }
      ]
    }
    "#);
    assert_snapshot!(daemon.cli(&["origins", "deny", JUPYTER, "--json"]), @r#"
    exit code 0
    --- stdout
    {
      "origin": "http://localhost:8888",
      "verdict": "DENIED",
      "at": {
        "value": "[time]"
      }
    }
    "#);
    for wrong in ["localhost:8888", "http://*.example.org", "null", "http://localhost:8888/lab"] {
        let answer = daemon.cli(&["origins", "allow", wrong]);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{wrong}");
        assert!(answer.stderr.contains("`origin` must be one origin"), "{wrong}: {answer}");
    }
    assert_snapshot!(daemon.cli(&["origins", "allow", "*"]), @r"
    exit code 1
    --- stderr
    error: `origin` must be one origin, like `http://localhost:8888` or `chrome-extension://<id>`
    hint: correct the value and run the command again
    ");
    assert_snapshot!(daemon.cli(&["origins"]).code, @"2");
}

#[tokio::test]
async fn audit() {
    let daemon = Daemon::start();
    assert_snapshot!(daemon.cli(&["audit"]), @r"
    exit code 0
    --- stderr
    nothing was recorded yet
    ");
    let id = connect(&daemon, "JUPYTER").await;
    sign_in(&daemon.client(), "Ada").await;
    assert_eq!(daemon.cli(&["origins", "allow", JUPYTER]).code, 0);
    token(&daemon, "application", &id).await;
    Page::of(&daemon, JUPYTER).send("/user/clear", &serde_json::json!({})).await;
    assert_snapshot!(daemon.cli(&["audit"]), @r"
    exit code 0
    --- stdout
    [time]  signed out             Ada <ada@example.org>                  by http://localhost:8888
    [time]  token refused          access token of Ada <ada@example.org>  by JUPYTER
    [time]  origin allowed         http://localhost:8888
    [time]  account selected       Ada <ada@example.org>
    [time]  account added          Ada <ada@example.org>
    [time]  application connected  JUPYTER
    ");
    let json = daemon.cli(&["audit", "--json"]);
    assert_snapshot!(json.stdout.lines().take(18).collect::<Vec<_>>().join("\n"), @r#"
    {
      "iterable": [
        {
          "at": {
            "value": "[time]"
          },
          "action": "SIGNED_OUT",
          "user": "[id]",
          "origin": "http://localhost:8888"
        },
        {
          "at": {
            "value": "[time]"
          },
          "action": "TOKEN_REFUSED",
          "user": "[id]",
          "application": "[id]",
          "subject": "access token"
    "#);
}
