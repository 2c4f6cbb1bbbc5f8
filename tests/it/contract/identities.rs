//! The names under which `POST /user/select` knows an account: learned as they come, and each is one account's.

use serde_json::json;
use usher_client::UserApi;

use super::{anyone, edit, select, sign_in, with_ada};
use crate::daemon::Daemon;

const ID: &str = "0b5a0000-0000-4000-8000-00000000000c";

#[tokio::test]
async fn every_name_that_came_along_finds_the_account_later() {
    let (mut daemon, client, ada) = with_ada().await;
    let all = json!({
        "email": "ada@example.org", "user_id": "auth0|1", "user_metadata": { "global_id": ID },
        "identities": [{ "provider": "github", "user_id": "2" }, { "user_id": "3" }],
    });
    assert_eq!(select(&client, all).await.id, ada.id, "found by the e-mail");
    edit(&client, &ada.id, json!({ "email": "countess@example.org" })).await.unwrap();
    daemon.stop();
    daemon.start_again();
    let client = daemon.client();
    for alone in [
        json!({ "user_metadata": { "global_id": ID } }),
        json!({ "user_metadata": { "global_id": ID.to_uppercase() } }),
        json!({ "user_id": "auth0|1" }),
        json!({ "identities": [{ "provider": "github", "user_id": "2" }] }),
        json!({ "identities": [{ "user_id": "3" }] }),
    ] {
        sign_in(&client, "Grace").await;
        assert_eq!(select(&client, alone.clone()).await.id, ada.id, "{alone}");
    }
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable.len(), 2, "Ada and Grace");
}

#[tokio::test]
async fn an_id_counts_together_with_its_provider() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let linked = |provider: &str| json!({ "identities": [{ "provider": provider, "user_id": "123" }] });
    let ada = select(&client, linked("github")).await;
    let grace = select(&client, linked("google-oauth2")).await;
    assert_ne!(ada.id, grace.id, "two providers may count alike");
    let bare = select(&client, json!({ "user_id": "123" })).await;
    assert!(bare.id != ada.id && bare.id != grace.id, "an id of no provider is another one");
    for (spelled, id) in [("github|123", &ada.id), ("google-oauth2|123", &grace.id), ("123", &bare.id)] {
        assert_eq!(&select(&client, json!({ "user_id": spelled })).await.id, id, "{spelled}");
    }
    let first = select(&client, json!({ "user_id": "auth0|7" })).await;
    let again = json!({ "identities": [{ "provider": "auth0", "user_id": "7" }] });
    assert_eq!(select(&client, again).await.id, first.id, "whichever spelling came first");
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable.len(), 4);
}

#[tokio::test]
async fn a_name_stays_with_its_first_account() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let ada = select(&client, json!({ "user_id": "github|1" })).await;
    let grace = select(&client, json!({ "user_id": "github|2" })).await;
    let both = json!({ "user_id": "github|1", "identities": [{ "provider": "github", "user_id": "2" }] });
    assert_eq!(select(&client, both).await.id, ada.id, "the stronger name decides");
    assert_eq!(select(&client, json!({ "user_id": "github|2" })).await.id, grace.id);
}

#[tokio::test]
async fn a_removed_account_leaves_no_name_behind() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let body = json!({ "user_id": "github|1", "name": "Ada" });
    let ada = select(&client, body.clone()).await;
    client.users_disconnect_user(&anyone(), &ada.id).await.unwrap();
    let again = select(&client, body).await;
    assert_ne!(again.id, ada.id);
    assert_eq!(
        select(&client, json!({ "user_id": "github|1" })).await.id,
        again.id,
        "and it is learned anew"
    );
}
