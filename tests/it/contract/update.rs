//! `POST /user/update`: what may be written, and within which limits. What an old base means is in `stale`.

use serde_json::json;
use usher_client::{Code, Edit, ProfileUpdate, UserApi, UserProfile};

use super::{anyone, code, edit, model, sign_in, wire, with_ada};
use crate::{daemon::Daemon, raw::Raw};

#[tokio::test]
async fn an_edit_says_whom_it_changes() {
    let (daemon, client, _) = with_ada().await;
    assert_eq!(code(client.update_user(&anyone(), ProfileUpdate::default()).await), Code::InvalidBody);
    assert_eq!(code(client.update_user(&anyone(), model(json!({ "name": "Eve" }))).await), Code::InvalidBody);
    assert_eq!(Raw::new(&daemon).post("/user/update").await.outcome(), (400, Some("invalid_body")));
    assert_eq!(code(edit(&client, "nobody", json!({ "name": "Eve" })).await), Code::NotFound);
}

#[tokio::test]
async fn every_writable_member_is_written() {
    let (_daemon, client, ada) = with_ada().await;
    let members = json!({
        "name": "Ada Lovelace", "username": "Ada.L-1_x", "email": "countess@example.org",
        "picture": "data:image/png;base64,AAAA",
        "aesthetics": { "theme": { "dark": false }, "font": { "size": 18 } },
    });
    let changed = edit(&client, &ada.id, members.clone()).await.unwrap();
    let json = wire(&changed);
    for (member, value) in members.as_object().unwrap() {
        assert_eq!(&json[member], value, "{member}");
    }
    assert_eq!(changed.created, ada.created);
    assert!(changed.updated.as_ref().unwrap().value > ada.updated.unwrap().value);
    assert_eq!(client.user_snapshot(&anyone()).await.unwrap().user.as_ref(), Some(&changed));
}

#[tokio::test]
async fn absent_members_stay_and_null_empties() {
    let (_daemon, client, ada) = with_ada().await;
    let full = json!({ "username": "ada", "picture": "https://example.org/ada.png" });
    let full = edit(&client, &ada.id, full).await.unwrap();
    let renamed = edit(&client, &ada.id, json!({ "name": "Ada L" })).await.unwrap();
    let expected =
        UserProfile { name: Some("Ada L".into()), updated: renamed.updated.clone(), ..full.clone() };
    assert_eq!(renamed, expected);
    let nulls = json!({ "name": null, "username": null, "picture": null, "email": null, "aesthetics": null });
    let emptied = edit(&client, &ada.id, nulls).await.unwrap();
    assert_eq!(
        (&emptied.name, &emptied.username, &emptied.picture, &emptied.email),
        (&None, &None, &None, &None)
    );
    assert_eq!(emptied.aesthetics, full.aesthetics, "preferences cannot be empty");
    let by_sdk = ProfileUpdate { id: Some(ada.id), name: Edit::Set("Ada".into()), ..Default::default() };
    assert_eq!(client.update_user(&anyone(), by_sdk).await.unwrap().name.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn everything_else_is_ignored() {
    let (_daemon, client, ada) = with_ada().await;
    let long_ago = json!({ "value": "2001-01-01T00:00:00Z" });
    let metadata = json!({ "global_id": "eve", "vanityname": "eve", "beta": { "continuous": true } });
    let claims = json!({
        "vanityname": "eve", "created": long_ago, "apiKeys": ["k"], "auth0": metadata,
        "schema": { "migration": 7, "semantic": "MAJOR_0_MINOR_0_PATCH_1" },
        "descope": { "descope_id": "d", "global_id": "eve" },
        "providers": { "iterable": [{ "type": "github", "user_id": "1", "access_token": "t",
                                      "created": long_ago, "updated": long_ago }] },
        "entities": { "iterable": [{ "id": "club" }] },
        "subscriptions": { "iterable": [{ "id": "gold" }] },
    });
    assert_eq!(edit(&client, &ada.id, claims.clone()).await.unwrap(), ada, "nothing to change is no change");
    let mut with_a_change = claims;
    with_a_change["name"] = "Ada L".into();
    let changed = edit(&client, &ada.id, with_a_change).await.unwrap();
    assert_eq!(changed, UserProfile { name: Some("Ada L".into()), updated: changed.updated.clone(), ..ada });
}

#[tokio::test]
async fn what_clients_send_for_nothing_is_nothing() {
    let (_daemon, client, ada) = with_ada().await;
    let defaults = json!({ "email": "user@pieces.app", "picture": "https://picsum.photos/200" });
    assert_eq!(edit(&client, &ada.id, defaults).await.unwrap(), ada);
}

#[tokio::test]
async fn any_account_of_the_device_may_be_changed() {
    let (daemon, client, ada) = with_ada().await;
    sign_in(&client, "Grace").await;
    let etag = Raw::new(&daemon).etag().await;
    let changed = edit(&client, &ada.id, json!({ "name": "Ada L" })).await.unwrap();
    assert_eq!(client.users_specific_user_snapshot(&anyone(), &ada.id).await.unwrap(), changed);
    assert_eq!(Raw::new(&daemon).etag().await, etag, "he is not current");
    client.clear_user(&anyone()).await.unwrap();
    edit(&client, &ada.id, json!({ "name": "Ada" })).await.unwrap();
}

#[tokio::test]
async fn user_names_are_unique_in_any_case() {
    let (_daemon, client, ada) = with_ada().await;
    let grace = sign_in(&client, "Grace").await;
    edit(&client, &ada.id, json!({ "username": "ada" })).await.unwrap();
    for username in ["ada", "ADA"] {
        let taken = edit(&client, &grace.id, json!({ "name": "G", "username": username })).await;
        assert_eq!(code(taken), Code::Taken);
    }
    assert_eq!(client.users_specific_user_snapshot(&anyone(), &grace.id).await.unwrap(), grace);
    edit(&client, &ada.id, json!({ "username": "Ada" })).await.expect("his own name in another case");
    edit(&client, &ada.id, json!({ "username": null })).await.unwrap();
    edit(&client, &grace.id, json!({ "username": "ADA" })).await.expect("a name given up is free");
}

#[tokio::test]
async fn one_wrong_member_refuses_the_whole_edit() {
    let (_daemon, client, ada) = with_ada().await;
    let mixed = json!({ "name": "Ada L", "username": "not a name", "email": "new@example.org" });
    assert_eq!(code(edit(&client, &ada.id, mixed).await), Code::InvalidValue);
    assert_eq!(client.user_snapshot(&anyone()).await.unwrap().user.as_ref(), Some(&ada));
}

#[tokio::test]
async fn a_change_is_there_after_a_restart() {
    let mut daemon = Daemon::start();
    let ada = sign_in(&daemon.client(), "Ada").await;
    let changed = edit(&daemon.client(), &ada.id, json!({ "name": "Ada L" })).await.unwrap();
    daemon.stop();
    daemon.start_again();
    assert_eq!(daemon.client().user_snapshot(&anyone()).await.unwrap().user.as_ref(), Some(&changed));
}
