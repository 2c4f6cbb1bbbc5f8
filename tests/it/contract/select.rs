//! `POST /user/select`: whom a body names, what it makes, and what a switch is.

use serde_json::json;
use usher_client::{Caller, Code, Secret, UserApi};

use super::{anyone, code, edit, model, select, sign_in, with_ada};
use crate::{daemon::Daemon, raw::Raw};

const ID: &str = "0b5a0000-0000-4000-8000-00000000000a";

#[tokio::test]
async fn without_a_body_the_last_current_account_comes_back() {
    let daemon = Daemon::start();
    let client = daemon.client();
    assert_eq!(code(client.select_user(&anyone(), None).await), Code::NotFound, "nobody was ever here");
    assert_eq!(Raw::new(&daemon).send("/user/select", &json!({})).await.status, 404);
    let ada = sign_in(&client, "Ada").await;
    sign_in(&client, "Grace").await;
    select(&client, json!({ "email": "ada@example.org" })).await;
    client.clear_user(&anyone()).await.unwrap();
    assert_eq!(client.select_user(&anyone(), None).await.unwrap().id, ada.id);
}

#[tokio::test]
async fn members_with_nothing_in_them_name_nobody() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let bodies = [
        json!({ "email": "" }),
        json!({ "email": "user@pieces.app" }),
        json!({ "name": "" }),
        json!({ "name": null }),
        json!({ "nickname": "?" }),
        json!({ "nickname": "" }),
        json!({ "username": "" }),
        json!({ "user_id": "" }),
        json!({ "user_metadata": { "global_id": "" } }),
        json!({ "identities": [] }),
        json!({ "identities": [{}, { "user_id": "" }, { "provider": "github" }] }),
        json!({ "picture": "https://picsum.photos/200" }),
        json!({ "email": "user@pieces.app", "name": "", "nickname": "no name!", "user_id": "", "picture": "" }),
    ];
    for body in &bodies {
        assert_eq!(raw.send("/user/select", body).await.outcome(), (404, Some("not_found")), "{body}");
    }
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, []);
    let ada = sign_in(&client, "Ada").await;
    for body in &bodies {
        client.clear_user(&anyone()).await.unwrap();
        let reply = raw.send("/user/select", body).await;
        assert_eq!((reply.status, &reply.json()["id"]), (200, &json!(ada.id)), "{body}");
    }
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, [ada], "nobody was made or changed");
}

#[tokio::test]
async fn an_unknown_identity_makes_a_local_account() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let body = json!({
        "user_metadata": { "global_id": ID }, "name": "Ada Lovelace", "nickname": "ada",
        "email": "ada@example.org", "picture": "https://example.org/ada.png",
    });
    let ada = select(&client, body).await;
    assert_eq!((ada.id.as_str(), ada.name.as_deref()), (ID, Some("Ada Lovelace")));
    assert_eq!((ada.email.as_deref(), ada.username.as_deref()), (Some("ada@example.org"), Some("ada")));
    assert_eq!(ada.picture.as_deref(), Some("https://example.org/ada.png"));
    assert_eq!(ada.created, ada.updated);
    assert_eq!((ada.providers, ada.allocation, ada.entities), (None, None, None));

    let grace =
        select(&client, json!({ "user_metadata": { "global_id": "not a uuid" }, "name": "Grace" })).await;
    assert_ne!(grace.id, "not a uuid");
    assert_eq!(grace.id.as_bytes()[14], b'7', "a fresh id is a uuid of version 7: {}", grace.id);
}

#[tokio::test]
async fn names_count_in_the_documented_order() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let by_id = select(&client, json!({ "user_metadata": { "global_id": ID }, "name": "Id" })).await.id;
    let by_user_id = select(&client, json!({ "user_id": "auth0|1", "name": "User" })).await.id;
    let by_link =
        select(&client, json!({ "identities": [{ "user_id": "github|2" }], "name": "Link" })).await.id;
    let by_email = select(&client, json!({ "email": "mail@example.org", "name": "Mail" })).await.id;
    let id = json!({ "global_id": ID });
    let known = json!([{ "user_id": "github|2" }]);
    let links = json!([{ "user_id": "none|0" }, { "user_id": "github|2" }]);
    let email = "MAIL@example.ORG";
    for (body, expected) in [
        (json!({ "email": email, "identities": known, "user_id": "auth0|1", "user_metadata": id }), &by_id),
        (json!({ "email": email, "identities": known, "user_id": "auth0|1" }), &by_user_id),
        (json!({ "email": email, "identities": links, "user_id": "auth0|unknown" }), &by_link),
        (json!({ "email": email, "user_id": "auth0|nobody" }), &by_email),
        (json!({ "email": email }), &by_email),
    ] {
        assert_eq!(&select(&client, body.clone()).await.id, expected, "{body}");
    }
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable.len(), 4, "nobody was made");
}

#[tokio::test]
async fn an_id_is_the_same_in_every_spelling() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let first = select(&client, json!({ "user_metadata": { "global_id": ID }, "name": "Ada" })).await;
    let spelled = ID.to_uppercase();
    let again = client
        .select_user(
            &anyone(),
            Some(model(json!({ "user_metadata": { "global_id": spelled }, "name": "Ada" }))),
        )
        .await;
    assert_eq!(again.map(|user| user.id), Ok(first.id));
}

#[tokio::test]
async fn a_bearer_needs_an_issuer() {
    let (daemon, client, ada) = with_ada().await;
    let etag = Raw::new(&daemon).etag().await;
    let caller = Caller { bearer: Some(Secret::from("eyJ.abc")), ..anyone() };
    for body in [None, Some(model(json!({ "name": "Eve" })))] {
        assert_eq!(code(client.select_user(&caller, body).await), Code::NotSignedIn);
    }
    assert_eq!(Raw::new(&daemon).etag().await, etag);
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, [ada]);
}

#[tokio::test]
async fn only_empty_members_are_enriched() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let first = select(&client, json!({ "user_id": "auth0|1", "name": "Ada" })).await;
    assert_eq!((&first.email, &first.picture, &first.username), (&None, &None, &None));
    let more = json!({
        "user_id": "auth0|1", "name": "Somebody Else", "email": "ada@example.org", "username": "ada",
        "nickname": "countess", "picture": "https://example.org/ada.png",
    });
    let richer = select(&client, more).await;
    assert_eq!((richer.name.as_deref(), richer.username.as_deref()), (Some("Ada"), Some("ada")));
    assert_eq!(richer.email.as_deref(), Some("ada@example.org"));
    assert_eq!(richer.picture.as_deref(), Some("https://example.org/ada.png"));
    assert!(richer.updated.unwrap().value > first.updated.unwrap().value);
    let other =
        json!({ "user_id": "auth0|1", "email": "b@example.org", "picture": "https://example.org/b.png" });
    let last = select(&client, other).await;
    assert_eq!((last.email, last.picture), (richer.email, richer.picture));
}

#[tokio::test]
async fn the_e_mail_of_another_account_is_left_out() {
    let (_daemon, client, ada) = with_ada().await;
    select(&client, json!({ "user_id": "auth0|1", "name": "Grace" })).await;
    let grace = select(&client, json!({ "user_id": "auth0|1", "email": "Ada@example.org" })).await;
    assert_eq!((grace.name.as_deref(), grace.email), (Some("Grace"), None));
    assert_eq!(select(&client, json!({ "email": "ada@example.org" })).await, ada, "it still finds its owner");
}

#[tokio::test]
async fn a_nickname_that_is_not_free_is_left_out() {
    let (_daemon, client, ada) = with_ada().await;
    edit(&client, &ada.id, json!({ "username": "ada" })).await.unwrap();
    let other = select(&client, json!({ "name": "Other", "nickname": "ADA" })).await;
    assert_eq!((other.name.as_deref(), other.username), (Some("Other"), None));
    assert_eq!(select(&client, json!({ "name": "Third", "nickname": "no name!" })).await.username, None);
}

#[tokio::test]
async fn the_same_account_again_is_not_a_change() {
    let (daemon, client, ada) = with_ada().await;
    let raw = Raw::new(&daemon);
    let etag = raw.etag().await;
    let mut stream = raw.socket("/user/stream").await;
    assert_eq!(stream.json().await["id"], json!(ada.id));
    let by_id = json!({ "user_metadata": { "global_id": ada.id } });
    for body in [Some(by_id), Some(json!({ "email": "ADA@EXAMPLE.ORG", "name": "Eve" })), None] {
        assert_eq!(client.select_user(&anyone(), body.map(model)).await.unwrap(), ada);
    }
    assert_eq!(raw.etag().await, etag);
    edit(&client, &ada.id, json!({ "name": "Ada L" })).await.unwrap();
    assert_eq!(stream.json().await["name"], "Ada L", "the next frame is of the next change");
}

#[tokio::test]
async fn a_switch_is_a_new_generation_and_signs_nobody_out() {
    let (_daemon, client, ada) = with_ada().await;
    let mut generation = client.user_snapshot(&anyone()).await.unwrap().version.generation;
    let grace = sign_in(&client, "Grace").await;
    for (email, user) in [("ada@example.org", &ada), ("grace@example.org", &grace), ("ada@example.org", &ada)]
    {
        select(&client, json!({ "email": email })).await;
        let present = client.user_snapshot(&anyone()).await.unwrap();
        assert_eq!(present.user.as_ref(), Some(user));
        assert!(present.version.generation > generation, "{email}");
        generation = present.version.generation;
        assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable.len(), 2);
    }
}

#[tokio::test]
async fn a_refused_select_makes_and_selects_nobody() {
    let (daemon, client, ada) = with_ada().await;
    let etag = Raw::new(&daemon).etag().await;
    for body in [
        json!({ "name": "x".repeat(201) }),
        json!({ "name": "Eve", "email": "nobody" }),
        json!({ "name": "Eve", "picture": "javascript:alert(1)" }),
    ] {
        assert_eq!(code(client.select_user(&anyone(), Some(model(body))).await), Code::InvalidValue);
    }
    assert_eq!(Raw::new(&daemon).etag().await, etag);
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, [ada]);
}
