//! `Usher-Account`: one caller bound to one account of the device, whoever is current.

use rusqlite::Connection;
use usher_client::wire::UserBetaStatus;

use super::*;
use crate::raw::{Raw, Reply};

/// Ada, who is bound to, and Grace, who is current.
async fn with_two() -> (Daemon, UserProfile, UserProfile) {
    let (daemon, client, ada) = with_ada().await;
    let grace = sign_in(&client, "Grace").await;
    (daemon, ada, grace)
}

fn bound(raw: &Raw, account: &str) -> reqwest::RequestBuilder {
    raw.request("GET", "/user").header("usher-account", account)
}

async fn id_of(client: &Client) -> Result<Option<String>, Code> {
    let present = client.user_snapshot(&anyone()).await.map_err(|error| error.code)?;
    Ok(present.user.as_ref().map(|user| user.id.clone()))
}

#[tokio::test]
async fn any_name_of_an_account_binds_in_any_case() {
    let (daemon, ada, grace) = with_two().await;
    let client = daemon.client();
    edit(&client, &ada.id, json!({ "username": "Countess" })).await.unwrap();
    for name in [
        &*ada.id,
        &ada.id.to_uppercase(),
        "ada@example.org",
        "ADA@Example.org",
        "countess",
        "COUNTESS",
        " countess ",
    ] {
        assert_eq!(id_of(&client.clone().as_account(name)).await, Ok(Some(ada.id.clone())), "{name}");
    }
    // A name that is given away binds to whoever has it, and streams stay where they were.
    let mut stream =
        Raw::new(&daemon).handshake("/user/stream", &[("usher-account", "countess")]).await.unwrap();
    assert_eq!(stream.json().await["id"], json!(ada.id));
    edit(&client, &ada.id, json!({ "username": "ada" })).await.unwrap();
    assert_eq!(stream.json().await["username"], "ada");
    let countess = client.clone().as_account("countess");
    assert_eq!(id_of(&countess).await, Err(Code::NotFound));
    edit(&client, &grace.id, json!({ "username": "countess" })).await.unwrap();
    assert_eq!(id_of(&countess).await, Ok(Some(grace.id.clone())));
    assert!(stream.is_silent().await, "another account is none of its business");
    // An id means its account, whatever others call themselves.
    edit(&client, &grace.id, json!({ "username": ada.id })).await.unwrap();
    for _ in 0..2 {
        assert_eq!(id_of(&client.clone().as_account(&ada.id)).await, Ok(Some(ada.id.clone())));
        assert_eq!(id_of(&client.clone().as_account(&grace.id)).await, Ok(Some(grace.id.clone())));
    }
}

#[tokio::test]
async fn two_lines_or_bytes_that_are_no_text_bind_to_nobody() {
    let (daemon, ada, grace) = with_two().await;
    let raw = Raw::new(&daemon);
    let twice = bound(&raw, &ada.id).header("usher-account", &grace.id);
    assert_eq!(Reply::to(twice).await.outcome(), (404, Some("not_found")));
    let bytes = raw.request("GET", "/user").header("usher-account", &b"ada@example.org\xff"[..]);
    assert_eq!(Reply::to(bytes).await.outcome(), (404, Some("not_found")));
}

#[tokio::test]
async fn an_etag_is_of_one_account_and_one_state() {
    let (daemon, ada, grace) = with_two().await;
    let raw = Raw::new(&daemon);
    let mut tags = vec![raw.etag().await];
    for account in [&ada.id, &grace.id] {
        let reply = Reply::to(bound(&raw, account)).await;
        assert_eq!(reply.json()["user"]["id"], json!(account));
        let tag = reply.header("etag").unwrap().to_owned();
        let again = bound(&raw, account).header("if-none-match", &tag);
        assert_eq!(Reply::to(again).await.status, 304);
        let others = bound(&raw, account).header("if-none-match", tags.join(", "));
        assert_eq!(Reply::to(others).await.status, 200, "{tag} is none of {tags:?}");
        tags.push(tag);
    }
    let renamed = edit(&daemon.client(), &ada.id, json!({ "name": "Ada L" })).await.unwrap();
    let reply = Reply::to(bound(&raw, &ada.id).header("if-none-match", tags.join(", "))).await;
    assert_eq!((reply.status, &reply.json()["user"]), (200, &wire(&renamed)));
    let plain = raw.request("GET", "/user").header("if-none-match", tags[1..].join(", "));
    assert_eq!(Reply::to(plain).await.status, 200);
}

#[tokio::test]
async fn an_edit_is_based_on_what_the_bound_caller_saw() {
    let (daemon, ada, grace) = with_two().await;
    let client = daemon.client();
    let mine = client.clone().as_account(&ada.id);
    let seen = mine.user_snapshot(&anyone()).await.unwrap().version;
    // More switches than versions are remembered, and none of them concerns this account.
    for nth in 0..40 {
        let id = if nth % 2 == 0 { &ada.id } else { &grace.id };
        select(&client, json!({ "user_metadata": { "global_id": id } })).await;
    }
    edit(&client, &ada.id, json!({ "username": "countess" })).await.unwrap();
    let body = model(json!({ "id": ada.id, "name": "Ada L", "username": null }));
    let merged = mine.update_user(&Caller { seen: Some(seen), ..anyone() }, body).await.unwrap();
    assert_eq!((merged.name.as_deref(), merged.username.as_deref()), (Some("Ada L"), Some("countess")));
    let unseen = Caller { seen: Some(client.user_snapshot(&anyone()).await.unwrap().version), ..anyone() };
    let body = model(json!({ "id": ada.id, "name": "Eve" }));
    assert_eq!(code(mine.update_user(&unseen, body).await), Code::Conflict, "a version of another account");
}

#[tokio::test]
async fn select_and_clear_speak_of_the_device() {
    let (daemon, ada, grace) = with_two().await;
    let client = daemon.client();
    let mine = client.clone().as_account(&ada.id);
    mine.clear_user(&anyone()).await.unwrap();
    assert_eq!((id_of(&client).await, id_of(&mine).await), (Ok(None), Ok(Some(ada.id.clone()))));
    assert_eq!(select(&mine, json!({ "email": "grace@example.org" })).await, grace);
    assert_eq!((id_of(&client).await, id_of(&mine).await), (Ok(Some(grace.id)), Ok(Some(ada.id))));
}

#[tokio::test]
async fn signing_a_bound_local_account_out_touches_nobody_else() {
    let (daemon, ada, grace) = with_two().await;
    let client = daemon.client();
    let mine = client.clone().as_account(&ada.id);
    assert_eq!(mine.sign_out_of_os(&anyone()).await.unwrap().iterable.len(), 2);
    assert_eq!(id_of(&client).await, Ok(Some(grace.id.clone())));
    client.clone().as_account(&grace.id).sign_out_of_os(&anyone()).await.unwrap();
    assert_eq!(id_of(&client).await, Ok(None), "it was current");
}

#[tokio::test]
async fn beta_asks_for_the_bound_account_to_be_there() {
    let (daemon, ada, _) = with_two().await;
    let client = daemon.client();
    client.clear_user(&anyone()).await.unwrap();
    let status: UserBetaStatus = model(json!({ "user": ada.id }));
    assert_eq!(code(client.user_beta_status(&anyone(), status.clone()).await), Code::NotConnected);
    client.as_account(&ada.id).user_beta_status(&anyone(), status).await.unwrap();
}

#[tokio::test]
async fn a_removed_account_leaves_its_streams_empty_and_its_callers_with_404() {
    let (daemon, ada, grace) = with_two().await;
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let header = [("usher-account", "ada@example.org")];
    let mut stream = raw.handshake("/user/stream", &header).await.unwrap();
    let mut check_ins = raw.handshake("/user/last_checked_in/stream", &header).await.unwrap();
    assert_eq!(
        (&stream.json().await["id"], &check_ins.json().await["userId"]),
        (&json!(ada.id), &json!(ada.id))
    );
    client.users_disconnect_user(&anyone(), &ada.id).await.unwrap();
    assert_eq!((stream.text().await, stream.next().await), (String::new(), None));
    assert_eq!((check_ins.json().await.get("userId"), check_ins.next().await), (None, None));
    let mine = client.clone().as_account("ada@example.org");
    assert_eq!(id_of(&mine).await, Err(Code::NotFound));
    assert_eq!(raw.handshake("/user/stream", &header).await.err(), Some(404));
    assert_eq!(id_of(&client).await, Ok(Some(grace.id)));
    // Somebody new of the same name is somebody else.
    let again = sign_in(&client, "Ada").await;
    assert_ne!(again.id, ada.id);
    assert_eq!(id_of(&mine).await, Ok(Some(again.id)));
    assert_eq!(id_of(&client.as_account(&ada.id)).await, Err(Code::NotFound));
}

#[tokio::test]
async fn versions_only_grow_when_an_account_is_forgotten_or_the_daemon_starts_again() {
    let mut daemon = Daemon::start();
    let client = daemon.client();
    // More than are kept in memory.
    let mut ids = Vec::new();
    for nth in 0..70 {
        ids.push(sign_in(&client, &format!("Account{nth}")).await.id);
    }
    let mut stream =
        Raw::new(&daemon).handshake("/user/stream", &[("usher-account", &ids[0])]).await.unwrap();
    assert_eq!(stream.json().await["id"], json!(ids[0]));
    let mut last = Vec::new();
    for round in 0..3 {
        for (nth, id) in ids.iter().enumerate() {
            let present = client.clone().as_account(id).user_snapshot(&anyone()).await.unwrap();
            assert_eq!(&present.user.as_ref().unwrap().id, id);
            if round == 0 {
                last.push(present.version);
            }
            assert!(present.version >= last[nth], "{} after {}", present.version, last[nth]);
            last[nth] = present.version;
        }
        if round == 1 {
            daemon.stop();
            assert_eq!(stream.next().await, None);
            daemon.start_again();
            last.iter_mut().for_each(|version| version.revision = u64::MAX);
        }
        if round == 0 {
            edit(&client, &ids[0], json!({ "name": "Followed" })).await.unwrap();
            assert_eq!(stream.json().await["name"], "Followed", "who is followed is not forgotten");
        }
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_read_costs_only_its_own_callers() {
    let (mut daemon, ada, grace) = with_two().await;
    daemon.stop();
    let database = Connection::open(daemon.data_dir().join("usher.db")).unwrap();
    database.execute("UPDATE users SET document = '{' WHERE id = $1", [&ada.id]).unwrap();
    drop(database);
    daemon.start_again();
    let client = daemon.client();
    let hers = client.clone().as_account(&grace.id);
    assert_eq!(id_of(&hers).await, Ok(Some(grace.id.clone())));
    assert_eq!(id_of(&client.clone().as_account(&ada.id)).await, Err(Code::Internal));
    edit(&client, &grace.id, json!({ "name": "Grace H" })).await.unwrap();
    let present = hers.user_snapshot(&anyone()).await.unwrap();
    assert_eq!(present.user.as_ref().unwrap().name.as_deref(), Some("Grace H"));
}
