//! The accounts of a device: list, one, remove, sign in and out.

use serde_json::json;
use usher_client::{Code, UserApi};

use super::{anyone, code, edit, model, organisation, put_policy, select, sign_in, until, with_ada};
use crate::{daemon::Daemon, raw::Raw};

#[tokio::test]
async fn accounts_are_listed_the_last_current_one_first() {
    let daemon = Daemon::start();
    let client = daemon.client();
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, []);
    let (ada, grace) = (sign_in(&client, "Ada").await, sign_in(&client, "Grace").await);
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, [grace.clone(), ada.clone()]);
    for user in [&ada, &grace] {
        assert_eq!(&client.users_specific_user_snapshot(&anyone(), &user.id).await.unwrap(), user);
    }
    assert_eq!(code(client.users_specific_user_snapshot(&anyone(), "nobody").await), Code::NotFound);
}

#[tokio::test]
async fn a_disconnected_account_is_gone_with_its_data() {
    let (daemon, client, ada) = with_ada().await;
    let grace = sign_in(&client, "Grace").await;
    let etag = Raw::new(&daemon).etag().await;
    assert_eq!(code(client.users_disconnect_user(&anyone(), "nobody").await), Code::NotFound);
    let left = client.users_disconnect_user(&anyone(), &ada.id).await.unwrap();
    assert_eq!(left.iterable, [grace]);
    assert_eq!(Raw::new(&daemon).etag().await, etag, "he was not current");
    assert_eq!(code(client.users_disconnect_user(&anyone(), &ada.id).await), Code::NotFound);
    let again = sign_in(&client, "Ada").await;
    assert_ne!(again.id, ada.id, "nothing of him was kept");
}

#[tokio::test]
async fn disconnecting_the_current_account_signs_out() {
    let (daemon, client, ada) = with_ada().await;
    let raw = Raw::new(&daemon);
    let mut stream = raw.socket("/user/stream").await;
    assert_eq!(stream.json().await["id"], json!(ada.id));
    assert_eq!(client.users_disconnect_user(&anyone(), &ada.id).await.unwrap().iterable, []);
    assert_eq!(stream.text().await, "");
    assert_eq!(raw.get("/user").await.body, "{}");
    assert_eq!(code(client.select_user(&anyone(), None).await), Code::NotFound);
    assert_eq!(code(edit(&client, &ada.id, json!({ "name": "Ghost" })).await), Code::NotFound);
}

#[tokio::test]
async fn a_freed_id_starts_without_the_old_memberships() {
    let daemon = Daemon::start_with(|data| {
        put_policy(data, "club.json", &organisation("club", Some(&[])).to_string())
    });
    let (client, id) = (daemon.client(), "0b5a0000-0000-4000-8000-00000000000b");
    let body = json!({ "user_metadata": { "global_id": id }, "name": "Ada" });
    select(&client, body.clone()).await;
    client.user_associate_entity(&anyone(), id, "club").await.unwrap();
    client.users_disconnect_user(&anyone(), id).await.unwrap();
    let again = select(&client, body).await;
    assert_eq!((again.id.as_str(), again.entities), (id, None));
}

#[tokio::test]
async fn a_provider_token_needs_a_provider() {
    let (_daemon, client, ada) = with_ada().await;
    let token = json!({ "access_token": "t", "token_type": "Bearer", "expires_in": 60 });
    let outcome = client.authenticate_from_oauth_token(&anyone(), model(token)).await;
    assert_eq!(code(outcome), Code::NotAvailableHere);
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable, [ada]);
}

#[tokio::test]
async fn a_sign_in_ends_for_all_who_wait_when_somebody_is_there() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.sign_into_os(&anyone()).await })
        })
        .collect();
    // Each wait is in the log, so all three are under way.
    until(async || (daemon.log().matches("waits for a sign-in").count() == 3).then_some(())).await;
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    let ada = sign_in(&client, "Ada").await;
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap(), ada);
    }
    assert_eq!(client.sign_into_os(&anyone()).await.unwrap(), ada, "at once when somebody is there");
}

#[tokio::test]
async fn signing_out_clears_and_lists_the_accounts() {
    let (daemon, client, ada) = with_ada().await;
    for _ in 0..2 {
        assert_eq!(client.sign_out_of_os(&anyone()).await.unwrap().iterable, std::slice::from_ref(&ada));
        assert_eq!(Raw::new(&daemon).get("/user").await.body, "{}");
    }
}
