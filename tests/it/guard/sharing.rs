//! What an approved page may read (the Fetch standard, 3.3): every answer to itself, errors included, and nobody else's.

use serde_json::json;

use super::{JUPYTER, Page, decide, reader};
use crate::{
    daemon::Daemon,
    raw::{Raw, Reply},
};

/// The words of a list in a header, in order.
fn words(reply: &Reply, header: &str) -> Vec<String> {
    let list = reply.header(header).unwrap_or_default();
    let mut words: Vec<String> = list.split(',').map(|word| word.trim().to_lowercase()).collect();
    words.sort();
    words
}

/// Checks that exactly this page may read the answer, without cookies.
#[track_caller]
fn is_shared(reply: &Reply, origin: &str) {
    let readers: Vec<_> = reply.headers.get_all("access-control-allow-origin").iter().collect();
    assert_eq!(readers, [origin], "{reply:?}");
    assert_eq!(reply.header("access-control-allow-credentials"), None, "{reply:?}");
    assert_eq!(words(reply, "vary"), ["origin"], "{reply:?}");
    assert_eq!(
        words(reply, "access-control-expose-headers"),
        ["etag", "usher-version", "x-error-code", "x-request-id"],
        "{reply:?}"
    );
    let mut granted = reply.headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control"));
    assert!(granted.all(|(_, value)| !value.to_str().unwrap().contains('*')), "{reply:?}");
}

#[tokio::test]
async fn an_approved_page_reads_every_answer() {
    let daemon = Daemon::start();
    for origin in [JUPYTER, "https://example.org"] {
        decide(&daemon, origin, true).await;
    }
    for origin in [JUPYTER, "https://example.org"] {
        let page = Page::of(&daemon, origin);
        let nothing = json!({});
        for (status, reply) in [
            (200, page.get("/user").await),
            (200, Reply::to(page.request("HEAD", "/user")).await),
            (200, page.get("/user/stream").await),
            (200, page.send("/user/select", &json!({ "name": "Ada" })).await),
            (204, page.send("/user/clear", &nothing).await),
            (401, page.get("/user/refresh").await),
            (403, page.get("/audit").await),
            (404, page.get("/nowhere").await),
            (405, page.get("/user/clear").await),
            (400, page.send("/user/update", &nothing).await),
            (415, page.send_as("application/xml", "/user/update", "<user/>").await),
            (415, page.send_as("text/plain", "/user/update", "").await),
        ] {
            assert_eq!(reply.status, status, "{reply:?}");
            is_shared(&reply, origin);
        }
    }
}

#[tokio::test]
async fn an_unchanged_state_is_shared_too() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    let etag = Raw::new(&daemon).etag().await;
    let request = Page::of(&daemon, JUPYTER).request("GET", "/user").header("if-none-match", etag);
    let reply = Reply::to(request).await;
    assert_eq!(reply.status, 304);
    is_shared(&reply, JUPYTER);
}

#[tokio::test]
async fn an_approved_page_may_send_what_clients_send() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    let reply = Page::of(&daemon, JUPYTER).preflight("/user/clear").await;
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    is_shared(&reply, JUPYTER);
    assert_eq!(words(&reply, "access-control-allow-methods"), ["delete", "get", "post"]);
    let allowed = words(&reply, "access-control-allow-headers");
    for header in
        ["application", "authorization", "content-type", "if-match", "if-none-match", "x-application-id"]
    {
        assert!(allowed.iter().any(|allowed| allowed == header), "{header} is not in {allowed:?}");
    }
    let seconds: u32 = reply.header("access-control-max-age").unwrap().parse().unwrap();
    assert!(seconds <= 60, "a denial is felt soon, not after {seconds} s");
}

#[tokio::test]
async fn a_preflight_does_nothing() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    let page = Page::of(&daemon, JUPYTER);
    assert_eq!(page.send("/user/select", &json!({ "name": "Ada" })).await.status, 200);
    assert_eq!(page.preflight("/user/clear").await.status, 204);
    assert_eq!(Raw::new(&daemon).user().await["name"], "Ada");
}

#[tokio::test]
async fn programs_and_the_daemons_own_page_are_told_nothing_of_sharing() {
    let daemon = Daemon::start();
    decide(&daemon, JUPYTER, true).await;
    let own = Page::of(&daemon, daemon.url()).get("/user").await;
    let program = Raw::new(&daemon).get("/user").await;
    for reply in [own, program] {
        assert_eq!((reply.status, reader(&reply)), (200, None));
        assert_eq!(reply.header("access-control-expose-headers"), None);
    }
}
