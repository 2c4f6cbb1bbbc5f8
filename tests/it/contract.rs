//! What every operation promises, asked of a real daemon: one file for each noun. Here is what their tests share.

mod access;
mod accounts;
mod answers;
mod applications;
mod beta;
mod bound;
mod entities;
mod finding;
mod identities;
mod select;
mod stale;
mod transport;
mod update;
mod user;

use std::{fmt::Debug, path::Path, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use usher_client::{Caller, Client, Code, Error, UserApi, UserProfile};

use crate::{daemon::Daemon, raw::PATIENCE};

/// A caller of whom nothing matters.
pub(crate) fn anyone() -> Caller {
    Caller::default()
}

/// A model written as JSON.
pub(crate) fn model<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

/// Makes the account that this Auth0 user names current.
pub(crate) async fn select(client: &Client, body: Value) -> UserProfile {
    client.select_user(&anyone(), Some(model(body))).await.unwrap()
}

/// A local account, made current.
pub(crate) async fn sign_in(client: &Client, name: &str) -> UserProfile {
    let email = format!("{}@example.org", name.to_lowercase());
    select(client, json!({ "name": name, "email": email })).await
}

/// A daemon on which Ada is signed in.
async fn with_ada() -> (Daemon, Client, UserProfile) {
    let daemon = Daemon::start();
    let client = daemon.client();
    let ada = sign_in(&client, "Ada").await;
    (daemon, client, ada)
}

/// Sends these members as an edit of the account with this id.
async fn edit(client: &Client, id: &str, members: Value) -> Result<UserProfile, Error> {
    let mut body = members;
    body["id"] = id.into();
    client.update_user(&anyone(), model(body)).await
}

/// The code of a failure.
#[track_caller]
pub(crate) fn code<T: Debug>(outcome: Result<T, Error>) -> Code {
    outcome.expect_err("this fails").code
}

/// A profile as it is on the wire.
fn wire(profile: &UserProfile) -> Value {
    serde_json::to_value(profile).unwrap()
}

/// Ids of the organisations and teams on a profile.
fn entity_ids(profile: &UserProfile) -> Vec<&str> {
    profile.entities.iter().flat_map(|entities| &entities.iterable).map(|entity| entity.id.as_str()).collect()
}

/// An organisation that rules nothing. `users`: the ids it lists; none of it: it is for every account.
pub(crate) fn organisation(id: &str, users: Option<&[&str]>) -> Value {
    let made = json!({ "value": "2026-01-01T00:00:00.000Z" });
    let mut entity = json!({
        "id": id, "name": format!("Name of {id}"), "type": "ORGANIZATION", "configuration": {},
        "created": made, "updated": made,
    });
    if let Some(users) = users {
        let listed: Vec<Value> = users.iter().map(|id| json!({ "id": id })).collect();
        entity["users"] = json!({ "iterable": listed });
    }
    entity
}

/// Puts a policy file in place at once, as careful administrators do.
pub(crate) fn put_policy(data_dir: &Path, file: &str, text: &str) {
    let folder = data_dir.join("policies");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("new"), text).unwrap();
    std::fs::rename(folder.join("new"), folder.join(file)).unwrap();
}

/// Asks again and again until the answer is some.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it becomes true in time")
}
