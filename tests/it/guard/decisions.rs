//! Decisions on origins: they hold from the answer on, for streams that are open, and over a restart.

use rusqlite::Connection as Database;
use serde_json::json;

use super::{JUPYTER, Page, decide, known};
use crate::{contract::sign_in, daemon::Daemon, raw::Raw};

const USER: &str = "/user/stream";

#[tokio::test]
async fn a_denial_holds_at_once_and_ends_open_streams() {
    let daemon = Daemon::start();
    let page = Page::of(&daemon, JUPYTER);
    decide(&daemon, JUPYTER, true).await;
    let mut of_page = page.stream(USER).await.unwrap();
    let mut of_program = Raw::new(&daemon).socket(USER).await;
    assert_eq!((of_page.text().await, of_program.text().await), (String::new(), String::new()));
    sign_in(&daemon.client(), "Ada").await;
    assert_eq!(
        (&of_page.json().await["name"], &of_program.json().await["name"]),
        (&json!("Ada"), &json!("Ada"))
    );

    decide(&daemon, JUPYTER, false).await;
    assert_eq!(page.get("/user").await.outcome(), (403, Some("not_allowed")));
    assert_eq!(page.preflight("/user/clear").await.status, 403);
    assert_eq!(page.stream(USER).await.map(drop), Err(403));
    sign_in(&daemon.client(), "Grace").await;
    assert_eq!(of_program.json().await["name"], "Grace");
    assert_eq!(of_page.next().await, None, "it learns nothing more");

    decide(&daemon, JUPYTER, true).await;
    assert_eq!(page.stream(USER).await.unwrap().json().await["name"], "Grace", "taken back");
}

#[tokio::test]
async fn decisions_survive_a_restart_and_questions_do_not() {
    let mut daemon = Daemon::start();
    let (allowed, denied) = ("https://allowed.example", "https://denied.example");
    decide(&daemon, allowed, true).await;
    decide(&daemon, denied, false).await;
    let statuses = async |daemon: &Daemon| {
        let of = async |origin| Page::of(daemon, origin).get("/user").await.status;
        [of(allowed).await, of(denied).await, of(JUPYTER).await]
    };
    assert_eq!(statuses(&daemon).await, [200, 403, 403]);
    let decided = [["ALLOWED", allowed], ["DENIED", denied]];
    assert_eq!(known(&daemon).await, [["ASKED", JUPYTER], decided[0], decided[1]]);
    daemon.stop();
    daemon.start_again();
    assert_eq!(known(&daemon).await, decided);
    assert_eq!(statuses(&daemon).await, [200, 403, 403]);
}

#[tokio::test]
async fn a_decision_holds_although_the_account_cannot_be_read() {
    let daemon = Daemon::start();
    let ada = sign_in(&daemon.client(), "Ada").await;
    let database = Database::open(daemon.data_dir().join("usher.db")).unwrap();
    assert_eq!(database.execute("UPDATE users SET document = '{' WHERE id = $1", [&ada.id]).unwrap(), 1);
    let page = Page::of(&daemon, JUPYTER);
    for (allowed, status) in [(true, 200), (false, 403)] {
        decide(&daemon, JUPYTER, allowed).await;
        assert_eq!(page.get("/.well-known/health").await.status, status, "{allowed}");
    }
}

#[tokio::test]
async fn an_origin_is_decided_on_in_the_spelling_of_browsers() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let reply = raw.send("/origins", &json!({ "origin": " HTTP://LOCALHOST:8888/ ", "allowed": true })).await;
    assert_eq!((reply.status, &reply.json()["origin"]), (200, &json!(JUPYTER)));
    assert_eq!(Page::of(&daemon, JUPYTER).get("/user").await.status, 200);
    for wrong in ["null", "*", "http://*.example.org", "localhost", "http://a/b", "file:///tmp/x"] {
        let reply = raw.send("/origins", &json!({ "origin": wrong, "allowed": true })).await;
        assert_eq!(reply.outcome(), (400, Some("invalid_value")), "{wrong}");
        assert!(reply.body.contains("http://localhost:8888"), "an example: {reply:?}");
    }
    assert_eq!(known(&daemon).await, [["ALLOWED", JUPYTER]]);
}
