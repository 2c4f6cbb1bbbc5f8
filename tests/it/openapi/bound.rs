//! `Usher-Account` on every operation: those that document it answer about the account it names, whoever is current, and
//! refuse a name that means nobody or several.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::*;
use crate::contract::{organisation, put_policy};

/// What the operations answer a bound caller while nobody is current.
const BOUND: [(&str, u16); 22] = [
    ("user_snapshot", 200),
    ("refresh_user", 200),
    ("stream_user", 200),
    ("user_beta_status", 404),
    ("user_providers", 501),
    ("user_update_vanity", 511),
    ("user_access_token", 401),
    ("stream_user_last_checked_in", 200),
    ("user_checkout", 501),
    ("user_manage_subscriptions", 501),
    ("user_paddle_refresh", 200),
    ("user_has_feature_access", 200),
    ("sign_out_of_os", 200),
    ("connect", 200),
    ("allocations_snapshot", 200),
    ("allocation_snapshot", 404),
    ("allocations_connect_new_cloud", 511),
    ("allocations_disconnect_cloud", 511),
    ("entities_snapshot", 200),
    ("entities_specific_entity_snapshot", 200),
    ("subscriptions_snapshot", 200),
    ("subscriptions_specific_subscription_snapshot", 404),
];
/// An application must be registered before it hears of its account, so it is refused for itself.
const ASKS_FOR_MORE: &str = "user_access_token";

fn takes_an_account(operation: &Operation) -> bool {
    let parameters = operation.about["parameters"].as_array().into_iter().flatten();
    parameters.into_iter().any(|parameter| parameter["name"] == "Usher-Account")
}

async fn ask(raw: &Raw, operation: &Operation, account: &str) -> Reply {
    let ids = ["user", "allocation", "subscription", "application", "sign_in"].map(|name| (name, "nobody"));
    let path = operation.path_of(&[&ids[..], &[("entity", "acme")]].concat());
    let request = raw.request(&operation.method, &path).header("usher-account", account);
    let reply = Reply::to(match operation.body() {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    });
    let reply = reply.await;
    let documented = operation.about["responses"].get(reply.status.to_string());
    assert!(documented.is_some(), "{} documents {}", operation.id, reply.status);
    reply
}

#[tokio::test]
async fn every_operation_of_the_user_is_answered_about_the_bound_account() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let ada = sign_in(&client, "Ada").await.id;
    let listed = organisation("acme", Some(&[&ada])).to_string();
    put_policy(&daemon.data_dir(), "acme.json", &listed);
    client.clear_user(&anyone()).await.unwrap();
    let bound = client.clone().as_account(&ada);
    crate::contract::until(|| async {
        let present = bound.user_snapshot(&anyone()).await.unwrap();
        present.user.as_ref().unwrap().entities.is_some().then_some(())
    })
    .await;

    let operations = operations(&document());
    let documented: BTreeSet<&str> = operations
        .iter()
        .filter(|operation| takes_an_account(operation))
        .map(|operation| operation.id.as_str())
        .collect();
    assert_eq!(documented, BOUND.map(|(id, _)| id).into(), "BOUND says what each operation answers");
    for operation in operations.iter().filter(|operation| takes_an_account(operation)) {
        let expected = BTreeMap::from(BOUND)[operation.id.as_str()];
        let reply = ask(&raw, operation, "ADA@example.org").await;
        assert_eq!(reply.status, expected, "{}: {reply:?}", operation.id);
        let told = match operation.id.as_str() {
            "user_snapshot" | "user_paddle_refresh" | "connect" => reply.json()["user"]["id"].take(),
            "refresh_user" | "stream_user" => reply.json()["id"].take(),
            "stream_user_last_checked_in" => reply.json()["userId"].take(),
            "entities_snapshot" => reply.json()["iterable"][0]["users"]["iterable"][0]["id"].take(),
            "entities_specific_entity_snapshot" => reply.json()["users"]["iterable"][0]["id"].take(),
            _ => continue,
        };
        assert_eq!(told, json!(ada), "{}", operation.id);
    }
    assert_eq!(raw.user().await, Value::Null, "nobody became current");
}

#[tokio::test]
async fn a_name_of_nobody_or_of_several_is_refused_by_each() {
    let mut daemon = Daemon::start();
    sign_in(&daemon.client(), "Ada").await;
    sign_in(&daemon.client(), "Grace").await;
    daemon.stop();
    // Two accounts of two identity providers can have one e-mail.
    let database = Connection::open(daemon.data_dir().join("usher.db")).unwrap();
    let sql = "UPDATE users SET email = 'one@example.org', document = json_set(document, '$.email', 'One@example.org')";
    assert_eq!(database.execute(sql, []).unwrap(), 2);
    drop(database);
    daemon.start_again();
    let raw = Raw::new(&daemon);
    for operation in operations(&document()).iter().filter(|operation| takes_an_account(operation)) {
        for name in ["nobody@example.org", "", "0b5a0000-0000-4000-8000-00000000000f"] {
            let reply = ask(&raw, operation, name).await;
            let expected = if operation.id == ASKS_FOR_MORE {
                (401, Some("not_registered"))
            } else {
                (404, Some("not_found"))
            };
            assert_eq!(reply.outcome(), expected, "{} as {name:?}", operation.id);
        }
        let reply = ask(&raw, operation, "one@example.org").await;
        if operation.id != ASKS_FOR_MORE {
            assert_eq!(reply.outcome(), (409, Some("conflict")), "{}", operation.id);
            assert!(reply.body.contains("by its id"), "{reply:?}");
        }
    }
}
