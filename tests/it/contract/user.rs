//! Who is current: `GET /user`, its `ETag`, and clearing.

use serde_json::json;
use usher_client::{UserApi, Version};

use super::{anyone, edit, select, sign_in, wire, with_ada};
use crate::{
    daemon::Daemon,
    raw::{Raw, Reply},
};

#[tokio::test]
async fn nobody_is_an_empty_object() {
    let daemon = Daemon::start();
    let reply = Raw::new(&daemon).get("/user").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(daemon.client().user_snapshot(&anyone()).await.unwrap().user, None);
}

#[tokio::test]
async fn somebody_is_in_an_envelope() {
    let (daemon, client, ada) = with_ada().await;
    let reply = Raw::new(&daemon).get("/user").await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "user": wire(&ada) })));
    assert_eq!(client.user_snapshot(&anyone()).await.unwrap().user.as_ref(), Some(&ada));
}

#[tokio::test]
async fn the_etag_is_generation_and_revision() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let version = async || client.user_snapshot(&anyone()).await.unwrap().version;
    let signed_out = version().await;
    assert_eq!(raw.etag().await, format!("\"{}-{}\"", signed_out.generation, signed_out.revision));
    let ada = sign_in(&client, "Ada").await;
    let signed_in = version().await;
    assert!(signed_in.generation > signed_out.generation);
    edit(&client, &ada.id, json!({ "name": "Ada L" })).await.unwrap();
    let changed = version().await;
    assert_eq!(changed, Version { revision: signed_in.revision + 1, ..signed_in });
    client.clear_user(&anyone()).await.unwrap();
    assert!(version().await.generation > changed.generation);
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    let (daemon, client, ada) = with_ada().await;
    let raw = Raw::new(&daemon);
    let etag = raw.etag().await;
    let ask =
        |method: &str, tag: String| Reply::to(raw.request(method, "/user").header("if-none-match", tag));
    for tag in [etag.clone(), format!("W/{etag}"), format!("\"0-0\", {etag}"), "*".into()] {
        for method in ["GET", "HEAD"] {
            let reply = ask(method, tag.clone()).await;
            assert_eq!((reply.status, reply.body.as_str()), (304, ""), "{method} {tag}");
            assert_eq!(reply.header("etag"), Some(etag.as_str()));
        }
    }
    assert_eq!(ask("GET", etag.replace('"', "")).await.status, 200, "a tag has quotes");
    edit(&client, &ada.id, json!({ "name": "Ada L" })).await.unwrap();
    let reply = ask("GET", etag.clone()).await;
    assert_eq!((reply.status, &reply.json()["user"]["name"]), (200, &json!("Ada L")));
    assert_ne!(reply.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn a_restart_keeps_who_is_current_and_no_etag() {
    let (mut daemon, client, ada) = with_ada().await;
    let before = client.user_snapshot(&anyone()).await.unwrap();
    daemon.stop();
    daemon.start_again();
    let after = daemon.client().user_snapshot(&anyone()).await.unwrap();
    assert_eq!(after.user.as_ref(), Some(&ada));
    assert!(after.version.generation > before.version.generation);
    daemon.client().clear_user(&anyone()).await.unwrap();
    let signed_out = Raw::new(&daemon).etag().await;
    daemon.stop();
    daemon.start_again();
    let reply =
        Reply::to(Raw::new(&daemon).request("GET", "/user").header("if-none-match", &signed_out)).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
}

#[tokio::test]
async fn clearing_is_idempotent_and_keeps_the_account() {
    let (daemon, client, ada) = with_ada().await;
    let raw = Raw::new(&daemon);
    let reply = raw.post("/user/clear").await;
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    let etag = raw.etag().await;
    client.clear_user(&anyone()).await.unwrap();
    assert_eq!(raw.etag().await, etag, "nothing is left to clear");
    assert_eq!(raw.get("/user").await.body, "{}");
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, std::slice::from_ref(&ada));
    assert_eq!(select(&client, json!({ "user_metadata": { "global_id": ada.id } })).await, ada);
}
