//! Edits made from an old state: they never undo what somebody else changed meanwhile.

use serde_json::{Value, json};
use usher_client::{Caller, Client, Code, UserApi, UserProfile, Version};

use super::{anyone, code, edit, model, sign_in, wire, with_ada};

/// Sends back a whole profile that was read, as clients do that know no partial edit.
async fn send_back(client: &Client, read: &UserProfile, changes: Value) -> usher_client::Result<UserProfile> {
    let mut body = wire(read);
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    client.update_user(&anyone(), model(body)).await
}

/// An edit based on a state named by its `ETag`.
async fn edit_if(client: &Client, seen: Version, body: Value) -> usher_client::Result<UserProfile> {
    client.update_user(&Caller { seen: Some(seen), ..anyone() }, model(body)).await
}

#[tokio::test]
async fn a_stale_profile_sent_back_changes_only_what_its_sender_changed() {
    let (_daemon, client, read) = with_ada().await;
    let meanwhile = json!({
        "username": "ada", "picture": "https://example.org/ada.png", "email": "countess@example.org",
        "aesthetics": { "theme": { "dark": false }, "font": { "size": 20 } },
    });
    let theirs = edit(&client, &read.id, meanwhile).await.unwrap();
    assert_eq!(send_back(&client, &read, json!({})).await.unwrap(), theirs, "nothing was meant");
    let both = send_back(&client, &read, json!({ "name": "Ada L" })).await.unwrap();
    assert_eq!(both, UserProfile { name: Some("Ada L".into()), updated: both.updated.clone(), ..theirs });
}

#[tokio::test]
async fn the_oldest_client_undoes_nothing() {
    let (_daemon, client, read) = with_ada().await;
    let theirs = json!({ "email": null, "picture": null, "username": "ada" });
    edit(&client, &read.id, theirs).await.unwrap();
    let now = edit(&client, &read.id, json!({ "name": "Ada L" })).await.unwrap();
    // It fills what is empty with its defaults, and has never heard of `schema`.
    let mut body = wire(&now);
    body["email"] = "user@pieces.app".into();
    body["picture"] = "https://picsum.photos/200".into();
    body.as_object_mut().unwrap().remove("schema");
    assert_eq!(client.update_user(&anyone(), model(body)).await.unwrap(), now);
}

#[tokio::test]
async fn the_last_writer_of_one_member_wins() {
    let (_daemon, client, read) = with_ada().await;
    send_back(&client, &read, json!({ "name": "First" })).await.unwrap();
    let last = send_back(&client, &read, json!({ "name": "Second" })).await.unwrap();
    assert_eq!(last.name.as_deref(), Some("Second"));
    let back = edit(&client, &read.id, json!({ "name": "Ada" })).await.unwrap();
    assert_eq!(back.name.as_deref(), Some("Ada"), "without a base every member is meant");
}

#[tokio::test]
async fn the_base_can_be_named_by_its_etag() {
    let (_daemon, client, ada) = with_ada().await;
    let seen = client.user_snapshot(&anyone()).await.unwrap().version;
    let theirs = edit(&client, &ada.id, json!({ "username": "ada" })).await.unwrap();
    let mine = json!({ "id": ada.id, "name": "Ada L", "username": null });
    let both = edit_if(&client, seen, mine).await.unwrap();
    assert_eq!(both, UserProfile { name: Some("Ada L".into()), updated: both.updated.clone(), ..theirs });
    let seen = client.user_snapshot(&anyone()).await.unwrap().version;
    let emptied = edit_if(&client, seen, json!({ "id": ada.id, "username": null })).await.unwrap();
    assert_eq!(emptied.username, None, "from the present state it is meant");
}

#[tokio::test]
async fn a_base_that_is_forgotten_is_a_conflict() {
    let (_daemon, client, read) = with_ada().await;
    let seen = client.user_snapshot(&anyone()).await.unwrap().version;
    for nth in 0..40 {
        edit(&client, &read.id, json!({ "name": format!("Ada {nth}") })).await.unwrap();
    }
    let now = client.user_snapshot(&anyone()).await.unwrap().user.clone().unwrap();
    assert_eq!(code(send_back(&client, &read, json!({ "username": "ada" })).await), Code::Conflict);
    assert_eq!(
        code(edit_if(&client, seen, json!({ "id": read.id, "username": "ada" })).await),
        Code::Conflict
    );
    assert_eq!(client.user_snapshot(&anyone()).await.unwrap().user.as_ref(), Some(&now));
    let same = send_back(&client, &read, json!({ "name": now.name })).await;
    assert_eq!(same.unwrap(), now, "what is already so conflicts with nothing");
    let again = send_back(&client, &now, json!({ "username": "ada" })).await.unwrap();
    assert_eq!(again.username.as_deref(), Some("ada"), "read again and repeat, as the message says");
}

#[tokio::test]
async fn a_base_that_never_was_is_a_conflict() {
    let (_daemon, client, ada) = with_ada().await;
    let grace = sign_in(&client, "Grace").await;
    let of_grace = client.user_snapshot(&anyone()).await.unwrap().version;
    let future = Version { generation: of_grace.generation + 7, revision: 1 };
    for seen in [of_grace, future, Version::default()] {
        let outcome = edit_if(&client, seen, json!({ "id": ada.id, "name": "Ada L" })).await;
        assert_eq!(code(outcome), Code::Conflict, "{seen}");
    }
    let body = json!({ "name": "Ada L", "updated": { "value": "2020-02-02T02:02:02.020Z" } });
    assert_eq!(code(edit(&client, &ada.id, body).await), Code::Conflict);
    edit_if(&client, of_grace, json!({ "id": grace.id, "name": "Grace H" })).await.unwrap();
}

#[tokio::test]
async fn bases_outlive_a_restart() {
    let (mut daemon, client, read) = with_ada().await;
    edit(&client, &read.id, json!({ "username": "ada" })).await.unwrap();
    daemon.stop();
    daemon.start_again();
    let both = send_back(&daemon.client(), &read, json!({ "name": "Ada L" })).await.unwrap();
    assert_eq!((both.name.as_deref(), both.username.as_deref()), (Some("Ada L"), Some("ada")));
}
