//! Organisations and teams from policy files: who belongs to them, joining and leaving, and files that change.

use std::fs;

use serde_json::{Value, json};
use usher_client::{Code, Status, UserApi};

use super::{anyone, code, entity_ids, model, organisation, put_policy, sign_in, until, with_ada};
use crate::{daemon::Daemon, raw::Raw};

/// A daemon with an organisation for everyone, one that lists nobody, and Ada.
async fn with_policies() -> (Daemon, usher_client::Client, usher_client::UserProfile) {
    let daemon = Daemon::start_with(|data| {
        put_policy(data, "all.json", &organisation("all", None).to_string());
        put_policy(data, "club.json", &organisation("club", Some(&[])).to_string());
    });
    let client = daemon.client();
    let ada = sign_in(&client, "Ada").await;
    (daemon, client, ada)
}

/// Waits until the files are read and the status is as wanted.
async fn status_until(daemon: &Daemon, wanted: impl Fn(&Status) -> bool) -> Status {
    let client = daemon.client();
    until(async || Some(client.status(&anyone()).await.unwrap()).filter(&wanted)).await
}

#[tokio::test]
async fn a_file_without_a_list_is_for_everyone() {
    let (_daemon, client, ada) = with_policies().await;
    assert_eq!(entity_ids(&ada), ["all"]);
    let entities = ada.entities.as_ref().unwrap();
    let reference = entities.iterable[0].reference.as_ref().unwrap();
    assert_eq!((reference.id.as_str(), reference.name.as_str()), ("all", "Name of all"));
    assert_eq!(entities.indices.as_ref().unwrap()["all"], 0);
    let listed = client.entities_snapshot(&anyone()).await.unwrap();
    assert_eq!(listed.iterable, [model::<usher_client::wire::Entity>(organisation("all", None))]);
    let one = client.entities_specific_entity_snapshot(&anyone(), "all").await.unwrap();
    assert_eq!(one, listed.iterable[0]);
    for hidden in ["club", "nowhere"] {
        assert_eq!(code(client.entities_specific_entity_snapshot(&anyone(), hidden).await), Code::NotFound);
    }
}

#[tokio::test]
async fn a_list_names_its_members() {
    let (daemon, client, ada) = with_policies().await;
    let grace = sign_in(&client, "Grace").await;
    let mut stream = Raw::new(&daemon).socket("/user/stream").await;
    assert_eq!(stream.json().await["entities"]["iterable"].as_array().unwrap().len(), 1);
    let listing = organisation("listed", Some(&[&ada.id, &grace.id])).to_string();
    put_policy(&daemon.data_dir(), "listed.json", &listing);
    let frame = stream.json().await;
    assert_eq!(frame["entities"]["iterable"][1]["id"], "listed", "told without a restart: {frame}");
    assert_eq!(frame["updated"], json!(grace.updated), "the user's own data did not change");
    for user in [&ada, &grace] {
        let user = client.users_specific_user_snapshot(&anyone(), &user.id).await.unwrap();
        assert_eq!(entity_ids(&user), ["all", "listed"]);
    }
    fs::remove_file(daemon.data_dir().join("policies/listed.json")).unwrap();
    assert_eq!(
        stream.json().await["entities"]["iterable"].as_array().unwrap().len(),
        1,
        "gone with its file"
    );
}

#[tokio::test]
async fn joining_and_leaving_show_at_once() {
    let (mut daemon, client, ada) = with_policies().await;
    let mut stream = Raw::new(&daemon).socket("/user/stream").await;
    stream.text().await;
    for _ in 0..2 {
        client.user_associate_entity(&anyone(), &ada.id, "club").await.unwrap();
        let user = client.user_snapshot(&anyone()).await.unwrap().user.clone().unwrap();
        assert_eq!(entity_ids(&user), ["all", "club"]);
        assert_eq!(client.entities_specific_entity_snapshot(&anyone(), "club").await.unwrap().id, "club");
    }
    assert_eq!(stream.json().await["entities"]["iterable"][1]["id"], "club");
    drop(stream);
    daemon.stop();
    daemon.start_again();
    let client = daemon.client();
    let user = client.user_snapshot(&anyone()).await.unwrap().user.clone().unwrap();
    assert_eq!(entity_ids(&user), ["all", "club"], "over a restart");
    for _ in 0..2 {
        client.user_disassociate_entity(&anyone(), &ada.id, "club").await.unwrap();
        let user = client.user_snapshot(&anyone()).await.unwrap().user.clone().unwrap();
        assert_eq!(entity_ids(&user), ["all"]);
    }
}

#[tokio::test]
async fn membership_is_an_accounts_own() {
    let (_daemon, client, ada) = with_policies().await;
    let grace = sign_in(&client, "Grace").await;
    client.user_associate_entity(&anyone(), &ada.id, "club").await.unwrap();
    let of = async |id: &str| client.users_specific_user_snapshot(&anyone(), id).await.unwrap();
    assert_eq!(entity_ids(&of(&ada.id).await), ["all", "club"]);
    assert_eq!(entity_ids(&of(&grace.id).await), ["all"]);
}

#[tokio::test]
async fn who_or_what_is_unknown_cannot_be_associated() {
    let (daemon, client, ada) = with_policies().await;
    let etag = Raw::new(&daemon).etag().await;
    for (user, entity) in [("nobody", "club"), ("nobody", "all"), (&*ada.id, "nowhere")] {
        let outcome = client.user_associate_entity(&anyone(), user, entity).await;
        assert_eq!(code(outcome), Code::NotFound, "{user} {entity}");
        let outcome = client.user_disassociate_entity(&anyone(), user, entity).await;
        assert_eq!(code(outcome), Code::NotFound, "{user} {entity}");
    }
    assert_eq!(Raw::new(&daemon).etag().await, etag);
}

#[tokio::test]
async fn what_a_file_says_only_the_file_can_end() {
    let (daemon, client, ada) = with_policies().await;
    put_policy(&daemon.data_dir(), "listed.json", &organisation("listed", Some(&[&ada.id])).to_string());
    status_until(&daemon, |status| status.policies.len() == 3).await;
    for entity in ["all", "listed"] {
        client.user_associate_entity(&anyone(), &ada.id, entity).await.expect("he is a member already");
        let outcome = client.user_disassociate_entity(&anyone(), &ada.id, entity).await;
        assert_eq!(code(outcome), Code::NotAllowed, "{entity}");
    }
}

#[tokio::test]
async fn the_mirrored_operations_do_the_same() {
    let (daemon, client, ada) = with_policies().await;
    let raw = Raw::new(&daemon);
    let id = &ada.id;
    let steps = [
        ("associate", "club", id.as_str(), 204, 2),
        ("associate", "club", id, 204, 2),
        ("associate", "nowhere", id, 404, 2),
        ("associate", "club", "nobody", 404, 2),
        ("disassociate", "all", id, 403, 2),
        ("disassociate", "club", id, 204, 1),
        ("disassociate", "club", id, 204, 1),
        ("disassociate", "club", "nobody", 404, 1),
    ];
    for (verb, entity, user, status, left) in steps {
        let reply = raw.post(&format!("/entity/{entity}/users/{verb}/{user}")).await;
        assert_eq!(reply.status, status, "{verb} {entity} {user}: {reply:?}");
        assert_eq!(
            client.entities_snapshot(&anyone()).await.unwrap().iterable.len(),
            left,
            "{verb} {entity}"
        );
    }
}

#[tokio::test]
async fn entities_cannot_be_made_or_changed_here() {
    let (daemon, client, _) = with_policies().await;
    let entity: Value = organisation("all", Some(&[]));
    let seed = model(json!({ "name": "Mine" }));
    assert_eq!(code(client.entities_create_new_entity(&anyone(), seed).await), Code::NotAllowed);
    assert_eq!(code(client.entity_update(&anyone(), model(entity)).await), Code::NotAllowed);
    assert_eq!(code(client.entities_delete_specific_entity(&anyone(), "all").await), Code::NotAllowed);
    assert_eq!(Raw::new(&daemon).post("/entities/create").await.outcome(), (400, Some("invalid_body")));
    assert_eq!(client.entities_snapshot(&anyone()).await.unwrap().iterable.len(), 1);
}

#[tokio::test]
async fn signed_out_there_is_nothing_to_read() {
    let daemon = Daemon::start();
    let client = daemon.client();
    assert_eq!(code(client.entities_snapshot(&anyone()).await), Code::NotSignedIn);
    assert_eq!(code(client.entities_specific_entity_snapshot(&anyone(), "all").await), Code::NotSignedIn);
}

#[tokio::test]
async fn a_bad_file_is_named_and_the_last_good_one_stays_in_force() {
    let (mut daemon, _, _) = with_policies().await;
    put_policy(&daemon.data_dir(), "all.json", "{");
    put_policy(&daemon.data_dir(), "new.json", r#"{"id":"new"}"#);
    let is_named =
        |status: &Status| status.policies.iter().filter(|file| file.problem.is_some()).count() == 2;
    for _ in 0..2 {
        let status = status_until(&daemon, is_named).await;
        let told: Vec<_> =
            status.policies.iter().map(|policy| (policy.file.as_str(), policy.entity.as_deref())).collect();
        let expected =
            [("all.json", Some("Name of all")), ("club.json", Some("Name of club")), ("new.json", None)];
        assert_eq!(told, expected);
        for file in ["all.json", "new.json"] {
            assert!(daemon.log().contains(file), "{file} is named in the log");
        }
        let user = daemon.client().user_snapshot(&anyone()).await.unwrap().user.clone().unwrap();
        assert_eq!(entity_ids(&user), ["all"]);
        daemon.stop();
        daemon.start_again();
    }
    let mut stream = Raw::new(&daemon).socket("/user/stream").await;
    stream.text().await;
    let mut mended = organisation("all", None);
    mended["name"] = "Mended".into();
    put_policy(&daemon.data_dir(), "all.json", &mended.to_string());
    assert_eq!(stream.json().await["entities"]["iterable"][0]["reference"]["name"], "Mended");
    fs::remove_file(daemon.data_dir().join("policies/all.json")).unwrap();
    assert_eq!(stream.json().await["entities"], Value::Null, "who deletes a file means it");
    daemon.stop();
    daemon.start_again();
    assert_eq!(Raw::new(&daemon).user().await["entities"], Value::Null);
}

#[tokio::test]
async fn one_id_in_two_files_is_a_problem_of_the_second() {
    let daemon = Daemon::start_with(|data| {
        put_policy(data, "a.json", &organisation("same", None).to_string());
        put_policy(data, "b.json", &organisation("same", None).to_string());
    });
    let status = daemon.client().status(&anyone()).await.unwrap();
    let problems: Vec<_> = status.policies.iter().map(|policy| policy.problem.is_some()).collect();
    assert_eq!(problems, [false, true]);
    let (_other, client, _) = with_ada().await;
    assert_eq!(client.status(&anyone()).await.unwrap().policies, [], "no files, no policies");
}
