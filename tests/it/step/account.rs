//! What a person sees and ends of his account at the cloud, with the command line of a device in front of it.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{World, edit, refresh, stands};
use crate::{
    daemon::Daemon,
    oidc::configure,
    raw::{Raw, Reply},
    steps::with_ada,
};

/// The session of this device among those it is told of.
async fn own_session(device: &Daemon) -> Value {
    let sessions = Raw::new(device).get("/sessions").await.json();
    let mut own = sessions["iterable"].as_array().unwrap().iter().filter(|one| one["current"] == true);
    let session = own.next().expect("it is one of them")["id"].clone();
    assert_eq!(own.next(), None, "{sessions}");
    session
}

#[tokio::test]
async fn one_device_ends_another() {
    let Some(world) = World::start() else { return };
    let (laptop, phone) = (world.device("ada").await, world.device("ada").await);
    for device in [&laptop, &phone] {
        stands(device, "connectivity", json!("CONNECTED")).await;
    }
    let of_phone = own_session(&phone).await;
    assert_ne!(of_phone, own_session(&laptop).await);
    assert_snapshot!(laptop.cli(&["sessions"]), @r"
    exit code 0
    --- stdout
       usher-client/[version]  [time]  device:[id]
    *  usher-client/[version]  [time]  device:[id]
    ");
    let ended = laptop.cli(&["sessions", "end", of_phone.as_str().unwrap()]);
    assert!(ended.stdout.contains("ended"), "{ended}");
    refresh(&phone).await;
    stands(&phone, "reason", json!("SIGNED_OUT_THERE")).await;
    let nobodys = laptop.cli(&["sessions", "end", "nobodys"]);
    assert_eq!(nobodys.code, 1);
    assert!(nobodys.stderr.contains("there is no session `nobodys` of yours"), "{nobodys}");
}

#[tokio::test]
async fn an_account_is_taken_away_and_deleted() {
    let Some(world) = World::start() else { return };
    let laptop = world.device("ada").await;
    edit(&laptop, json!({ "name": "Countess" })).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    let export: Value = serde_json::from_str(&laptop.cli(&["export"]).stdout).unwrap();
    assert_eq!(
        (&export["user"]["name"], &export["revisions"][1]["name"]),
        (&json!("Countess"), &json!("ada"))
    );
    assert_snapshot!(laptop.cli(&["delete"]), @r"
    exit code 1
    --- stderr
    error: this would delete the account of Countess at its cloud and sign every device out of it
    hint: `usher export` prints what is kept there; `usher delete --yes` does it
    ");
    assert_eq!(world.at_cloud("ada").await["name"], "Countess", "nothing was done yet");
    let deleted = laptop.cli(&["delete", "--yes"]);
    let receipt = deleted.stdout.split_whitespace().nth(1).unwrap().to_owned();
    assert_snapshot!(deleted.masked(&[(&receipt, "[receipt]")]), @r"
    exit code 0
    --- stdout
    receipt  [receipt]
    state    pending
    due      [time]
    scope    deleted are the profile with its earlier states, identities, sessions, beta status, memberships and the record of what was done; organisations with other members stay (one without an admin gets another member as its admin), and nothing is deleted at the identity provider; a digest of the identity stays for 400 days, so that no program begins the account anew
    --- stderr
    signing in again before it is due keeps the account
    ");
    assert_eq!(Raw::new(&laptop).user().await["name"], "Countess", "what is here stays here");
    stands(&laptop, "reason", json!("SIGNED_OUT_THERE")).await;
    let asked = laptop.cli(&["delete", "--receipt", &receipt, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&asked.stdout).unwrap()["state"], "PENDING");
    assert_eq!(laptop.cli(&["delete", "--yes", "--receipt", &receipt]).code, 2);
}

#[test]
fn an_account_of_no_cloud_is_told_so() {
    let (daemon, _) = with_ada();
    for verb in ["sessions", "export"] {
        let answer = daemon.cli(&[verb]);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer}");
        assert!(answer.stderr.contains("not connected to a cloud"), "{answer}");
    }
    assert!(daemon.cli(&["delete", "--yes"]).stderr.contains("not connected to a cloud"));
}

#[tokio::test]
async fn a_page_sees_and_ends_nothing_of_it() {
    let Some(world) = World::start() else { return };
    let cloud = format!("guard = \"legacy\"\ncloud = \"{}\"\n", world.node.url());
    let laptop = Daemon::start_with(|data| configure(data, world.provider.url(), &cloud));
    world.sign_in(&laptop, "ada").await;
    let raw = Raw::new(&laptop);
    let own = own_session(&laptop).await;
    let revoke = format!("/sessions/{}/revoke", own.as_str().unwrap());
    for (method, path) in
        [("GET", "/sessions"), ("POST", &*revoke), ("GET", "/user/export"), ("POST", "/user/delete")]
    {
        let request = raw.request(method, path).header("origin", "http://localhost:8888");
        let reply = Reply::to(request).await;
        assert_eq!(reply.outcome(), (403, Some("not_allowed")), "{path}: {reply:?}");
    }
    assert_eq!(own_session(&laptop).await, own);
}
