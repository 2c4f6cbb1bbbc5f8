//! The legacy mode: pages this machine serves are let in without approval, and nothing else is relaxed.

use serde_json::json;

use super::{JUPYTER, Page, TRUST, connect, decide, known, reader};
use crate::{
    contract::sign_in,
    daemon::Daemon,
    raw::{Raw, Reply},
};

fn legacy() -> Daemon {
    Daemon::start_set(&[("USHER_GUARD", "legacy")])
}

#[tokio::test]
async fn pages_of_this_machine_are_let_in() {
    let daemon = legacy();
    for origin in [
        JUPYTER,
        "http://localhost",
        "https://localhost",
        "https://localhost:65535",
        "http://127.0.0.1:3000",
        "https://127.0.0.1",
        "http://[::1]:5173",
        "https://[::1]",
    ] {
        let page = Page::of(&daemon, origin);
        let reply = page.get("/user").await;
        assert_eq!((reply.status, reader(&reply)), (200, Some(origin)));
        assert_eq!(page.preflight("/user/clear").await.status, 204, "{origin}");
        assert_eq!(page.send("/user/clear", &json!({})).await.status, 204, "{origin}");
        assert_eq!(page.stream("/user/stream").await.unwrap().text().await, "", "{origin}");
        assert_eq!(known(&daemon).await[0], ["ASKED", origin], "it can be approved still");
    }
}

#[tokio::test]
async fn other_pages_are_not() {
    let daemon = legacy();
    for origin in [
        "http://localhost.evil.test",
        "http://localhost.evil.test:8888",
        "http://127.0.0.1.evil.test",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:",
        "http://127.0.0.1:80a",
        "http://127.0.0.1:8888.evil.test",
        "http://127.0.0.1:8888@evil.test",
        "http://127.0.0.1:8888/",
        "http://127.0.0.2",
        "http://[::2]",
        "http://evil.test",
        "http://evil-localhost",
        "ftp://localhost",
        "chrome-extension://localhost",
        "null",
    ] {
        let reply = Page::of(&daemon, origin).get("/user").await;
        assert_eq!((reply.outcome(), reader(&reply)), ((403, Some("not_allowed")), None), "{origin}");
    }
}

#[tokio::test]
async fn the_other_rules_stay() {
    let daemon = legacy();
    let (raw, page) = (Raw::new(&daemon), Page::of(&daemon, JUPYTER));
    let refused = (403, Some("not_allowed"));
    let rebound = Reply::to(page.request("GET", "/user").header("host", "evil.test")).await;
    assert_eq!(rebound.outcome(), refused);
    let image = Reply::to(raw.request("GET", "/user").header("sec-fetch-site", "cross-site")).await;
    assert_eq!(image.outcome(), refused);
    let form = page.send_as("text/plain", "/user/clear", "").await;
    assert_eq!(form.outcome(), (415, Some("invalid_body")));
    for (method, path) in TRUST {
        let request = page.request(method, path).header("content-type", "application/json");
        let decision = json!({ "origin": JUPYTER, "allowed": true }).to_string();
        assert_eq!(Reply::to(request.body(decision)).await.outcome(), refused, "{method} {path}");
    }
    assert_eq!(known(&daemon).await, [["ASKED", JUPYTER]]);
}

#[tokio::test]
async fn tokens_are_for_approved_pages_only() {
    let daemon = legacy();
    sign_in(&daemon.client(), "Ada").await;
    let application = connect(&daemon, "JUPYTER").await;
    let page = Page::of(&daemon, JUPYTER);
    let token = async || {
        let request = page.request("GET", "/user/access_token").header("application", &application);
        Reply::to(request).await
    };
    let reply = token().await;
    assert_eq!(reply.outcome(), (403, Some("not_allowed")));
    assert!(reply.body.contains("usher origins allow"), "the next step: {reply:?}");
    decide(&daemon, JUPYTER, true).await;
    assert_eq!(
        token().await.outcome(),
        (501, Some("not_available_here")),
        "past the check: the account is local"
    );
}

#[tokio::test]
async fn a_denied_page_stays_out() {
    let daemon = legacy();
    let page = Page::of(&daemon, JUPYTER);
    let mut stream = page.stream("/user/stream").await.unwrap();
    assert_eq!(stream.text().await, "");
    decide(&daemon, JUPYTER, false).await;
    assert_eq!(page.get("/user").await.outcome(), (403, Some("not_allowed")));
    assert_eq!(page.stream("/user/stream").await.map(drop), Err(403));
    sign_in(&daemon.client(), "Ada").await;
    assert_eq!(stream.next().await, None, "what was open ends");
    assert_eq!(
        Page::of(&daemon, "http://localhost:9999").get("/user").await.status,
        200,
        "others are let in"
    );
}

#[cfg(target_os = "linux")]
mod settings {
    use std::fs;

    use crate::{
        daemon::Scratch,
        process::{Process, serve},
        raw::Raw,
    };

    const WARNING: &str = "guard is `legacy`";

    /// Runs a daemon told about the guard in these places; its mode as it says, its log.
    async fn mode(flag: Option<&str>, variable: Option<&str>, file: Option<&str>) -> (String, String) {
        let scratch = Scratch::new();
        let flag: Vec<&str> = flag.into_iter().flat_map(|mode| ["--guard", mode]).collect();
        let mut command = serve(&scratch, &[], &[&["--listen", "127.0.0.1:0"], &flag[..]].concat());
        command.envs(variable.map(|mode| ("USHER_GUARD", mode)));
        if let Some(mode) = file {
            let folder = scratch.home().join("config").join("usher");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("usher.toml"), format!("guard = \"{mode}\"\n")).unwrap();
        }
        let daemon = Process::start(&mut command);
        let status = Raw::at(&daemon.url()).get("/status").await.json();
        let answer = daemon.stop();
        assert_eq!(answer.code, 0, "{answer}");
        (status["guard"]["mode"].as_str().unwrap().to_owned(), answer.stderr)
    }

    #[tokio::test]
    async fn each_place_says_it_and_the_nearer_one_wins() {
        for (flag, variable, file, expected) in [
            (None, None, None, "strict"),
            (Some("legacy"), None, None, "legacy"),
            (None, Some("legacy"), None, "legacy"),
            (None, None, Some("legacy"), "legacy"),
            (None, Some("strict"), Some("legacy"), "strict"),
            (Some("legacy"), Some("strict"), Some("strict"), "legacy"),
        ] {
            let (mode, log) = mode(flag, variable, file).await;
            assert_eq!(mode, expected, "{flag:?} {variable:?} {file:?}");
            let warnings = log.lines().filter(|line| line.contains(WARNING)).count();
            assert_eq!(warnings, usize::from(expected == "legacy"), "{log}");
        }
    }
}

#[test]
fn status_tells_the_mode() {
    let daemon = legacy();
    let status = daemon.cli(&["status"]);
    assert!(status.stdout.lines().any(|line| line == "guard         legacy"), "{status}");
}

#[test]
fn an_unknown_mode_is_wrong_usage() {
    let daemon = legacy();
    let answer = crate::daemon::Answer::of(daemon.serve("127.0.0.1:0").args(["--guard", "off"]));
    assert_eq!(answer.code, 2, "{answer}");
    assert!(answer.stderr.contains("[possible values: strict, legacy]"), "{answer}");
}
