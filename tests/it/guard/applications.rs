//! Applications and tokens: who introduced itself gets that far, and who was revoked does not, whatever it tries.

use super::{connect, token};
use crate::{
    contract::sign_in,
    daemon::Daemon,
    raw::{Raw, Reply},
};

/// Past every check: the account is a local one, which has no token.
const GOT_THROUGH: (u16, Option<&str>) = (501, Some("not_available_here"));
const REVOKED: (u16, Option<&str>) = (403, Some("not_allowed"));

async fn set(daemon: &Daemon, id: &str, verb: &str) -> Reply {
    Raw::new(daemon).post(&format!("/applications/{id}/{verb}")).await
}

/// Whether each registered application is revoked, by name.
async fn revoked(daemon: &Daemon) -> Vec<(String, bool)> {
    let listed = Raw::new(daemon).get("/applications").await.json();
    let registered = listed["iterable"].as_array().unwrap()[1..].iter();
    registered
        .map(|one| (one["name"].as_str().unwrap().to_owned(), one["revoked"].as_bool() == Some(true)))
        .collect()
}

#[tokio::test]
async fn a_token_needs_a_registered_application() {
    let daemon = Daemon::start();
    sign_in(&daemon.client(), "Ada").await;
    let reply = Raw::new(&daemon).get("/user/access_token").await;
    assert_eq!(reply.outcome(), (401, Some("not_registered")));
    assert!(reply.body.contains("`POST /connect`"), "the next step: {reply:?}");
    let id = connect(&daemon, "JUPYTER").await;
    for header in ["application", "x-application-id", "X-Application-ID"] {
        assert_eq!(token(&daemon, header, &id).await.outcome(), GOT_THROUGH, "{header}");
        for unknown in ["", "JUPYTER", "0b5a0000-0000-4000-8000-00000000000f", &id[1..]] {
            let reply = token(&daemon, header, unknown).await;
            assert_eq!(reply.outcome(), (401, Some("not_registered")), "{header}: {unknown}");
        }
    }
}

#[tokio::test]
async fn who_is_revoked_stays_so_until_restored() {
    let mut daemon = Daemon::start();
    sign_in(&daemon.client(), "Ada").await;
    let (id, other) = (connect(&daemon, "JUPYTER").await, connect(&daemon, "SUBLIME").await);
    let listed = set(&daemon, &id, "revoke").await;
    assert_eq!((listed.status, &listed.json()["iterable"][1]["revoked"]), (200, &true.into()));
    let expected = [("JUPYTER".to_owned(), true), ("SUBLIME".to_owned(), false)];
    assert_eq!(revoked(&daemon).await, expected);
    let reply = token(&daemon, "application", &id).await;
    assert_eq!(reply.outcome(), REVOKED);
    assert!(reply.body.contains("`usher apps restore"), "the next step: {reply:?}");
    assert_eq!(token(&daemon, "application", &other).await.outcome(), GOT_THROUGH);

    assert_eq!(connect(&daemon, "JUPYTER").await, id);
    assert_eq!(token(&daemon, "application", &id).await.outcome(), REVOKED, "although it connected again");
    daemon.stop();
    daemon.start_again();
    assert_eq!(token(&daemon, "application", &id).await.outcome(), REVOKED, "over a restart");
    let request = Raw::new(&daemon).request("GET", "/user").header("application", &id);
    assert_eq!(Reply::to(request).await.status, 200, "it is about tokens only");

    assert_eq!(set(&daemon, &id, "restore").await.status, 200);
    assert_eq!(token(&daemon, "application", &id).await.outcome(), GOT_THROUGH);
    assert!(revoked(&daemon).await.iter().all(|(_, is_revoked)| !is_revoked));
}

#[tokio::test]
async fn an_application_that_connects_again_is_told_that_it_is_revoked() {
    let daemon = Daemon::start();
    let id = connect(&daemon, "JUPYTER").await;
    set(&daemon, &id, "revoke").await;
    let body =
        serde_json::json!({ "application": { "name": "JUPYTER", "platform": "LINUX", "version": "2" } });
    let application = Raw::new(&daemon).send("/connect", &body).await.json()["application"].take();
    assert_eq!((&application["id"], &application["revoked"]), (&id.into(), &true.into()));
}

#[tokio::test]
async fn nobody_cannot_be_revoked() {
    let daemon = Daemon::start();
    for verb in ["revoke", "restore"] {
        assert_eq!(set(&daemon, "nobody", verb).await.outcome(), (404, Some("not_found")), "{verb}");
    }
}
