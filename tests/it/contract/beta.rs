//! `POST /user/beta/status`: opting in and out, per section.

use serde_json::{Value, json};
use usher_client::{Client, Code, UserApi, wire::UserBetaStatus};

use super::{anyone, code, model, sign_in, with_ada};
use crate::{daemon::Daemon, raw::Raw};

const EARLY: &str = "2026-01-01T00:00:00.000Z";
const LATE: &str = "2999-01-01T00:00:00.000Z";

async fn send(client: &Client, user: &str, sections: Value) -> usher_client::Result<UserBetaStatus> {
    let mut body = sections;
    body["user"] = user.into();
    client.user_beta_status(&anyone(), model(body)).await
}

/// The status after sending a range for `auth0.vision`, as it is on the wire.
async fn vision(client: &Client, user: &str, range: Value) -> Value {
    let status = send(client, user, json!({ "auth0": { "vision": range } })).await.unwrap();
    serde_json::to_value(status).unwrap()["auth0"]["vision"].clone()
}

fn at(value: &str) -> Value {
    json!({ "value": value })
}

#[tokio::test]
async fn who_and_what_must_be_known() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    assert_eq!(
        raw.send("/user/beta/status", &json!({ "user": "x" })).await.outcome(),
        (511, Some("not_connected"))
    );
    let ada = sign_in(&client, "Ada").await;
    assert_eq!(raw.post("/user/beta/status").await.outcome(), (400, Some("invalid_body")));
    assert_eq!(raw.send("/user/beta/status", &json!({})).await.outcome(), (400, Some("invalid_body")));
    assert_eq!(code(send(&client, "nobody", json!({})).await), Code::NotFound);
    assert_eq!(send(&client, &ada.id, json!({})).await.unwrap(), model(json!({ "user": ada.id })));
}

#[tokio::test]
async fn opting_in_and_out() {
    let (_daemon, client, ada) = with_ada().await;
    let opted_in = vision(&client, &ada.id, json!({ "continuous": true })).await;
    assert_eq!((&opted_in["continuous"], &opted_in["to"]), (&json!(true), &Value::Null));
    let from = opted_in["from"]["value"].as_str().unwrap();
    assert!(from >= ada.created.unwrap().value.to_string().as_str(), "from now on: {from}");
    let opted_out = vision(&client, &ada.id, json!({ "to": at(EARLY) })).await;
    assert_eq!(opted_out["from"], opted_in["from"]);
    let to = opted_out["to"]["value"].as_str().unwrap();
    assert!((from..LATE).contains(&to), "an end in the past is now: {to}");
    assert_eq!((&opted_out["continuous"], &opted_out["between"]), (&json!(false), &json!(true)));
    let again = vision(&client, &ada.id, json!({ "continuous": true })).await;
    assert_eq!((&again["continuous"], &again["to"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn a_range_does_not_end_before_it_begins() {
    let (daemon, client, ada) = with_ada().await;
    let kept = vision(&client, &ada.id, json!({ "from": at(EARLY), "to": at(LATE) })).await;
    assert_eq!((&kept["from"]["value"], &kept["to"]["value"]), (&json!(EARLY), &json!(LATE)));
    let etag = Raw::new(&daemon).etag().await;
    let range = json!({ "from": at(LATE), "to": at(EARLY) });
    let body = json!({ "user": ada.id, "auth0": { "vision": range } });
    let reply = Raw::new(&daemon).send("/user/beta/status", &body).await;
    assert_eq!(reply.outcome(), (400, Some("invalid_value")));
    assert!(reply.body.contains("`auth0.vision.from`"), "{reply:?}");
    let status = send(&client, &ada.id, json!({})).await.unwrap();
    assert_eq!(serde_json::to_value(status).unwrap()["auth0"]["vision"], kept);
    assert_eq!(Raw::new(&daemon).etag().await, etag);
}

#[tokio::test]
async fn a_start_after_the_last_end_begins_anew_and_one_to_come_can_be_called_off() {
    let (_daemon, client, ada) = with_ada().await;
    vision(&client, &ada.id, json!({ "from": at(EARLY), "to": at("2998-01-01T00:00:00.000Z") })).await;
    let anew = vision(&client, &ada.id, json!({ "from": at(LATE) })).await;
    assert_eq!((&anew["from"]["value"], anew.get("to")), (&json!(LATE), None));
    let off = vision(&client, &ada.id, json!({ "to": at(EARLY) })).await;
    assert_eq!(off["from"], off["to"], "it never was in force");
    assert!(off["to"]["value"].as_str().unwrap() < LATE, "{off}");
}

#[tokio::test]
async fn sections_are_kept_apart_and_over_a_restart() {
    let (mut daemon, client, ada) = with_ada().await;
    send(&client, &ada.id, json!({ "auth0": { "vision": { "from": at(EARLY) } } })).await.unwrap();
    let both = send(&client, &ada.id, json!({ "descope": { "vision": { "to": at(LATE) } } })).await.unwrap();
    let expected = json!({
        "user": ada.id,
        "auth0": { "vision": { "from": at(EARLY) } },
        "descope": { "vision": { "to": at(LATE), "continuous": false } },
    });
    assert_eq!(serde_json::to_value(&both).unwrap(), expected);
    daemon.stop();
    daemon.start_again();
    assert_eq!(send(&daemon.client(), &ada.id, json!({})).await.unwrap(), both);
}

#[tokio::test]
async fn a_change_is_told_to_streams_and_a_repetition_is_not() {
    let (daemon, client, ada) = with_ada().await;
    let mut stream = Raw::new(&daemon).socket("/user/stream").await;
    let first = stream.json().await;
    let range = json!({ "auth0": { "vision": { "from": at(EARLY), "to": at(LATE) } } });
    for _ in 0..2 {
        send(&client, &ada.id, range.clone()).await.unwrap();
    }
    let told = stream.json().await;
    assert!(told["updated"]["value"].as_str() > first["updated"]["value"].as_str());
    client.clear_user(&anyone()).await.unwrap();
    assert_eq!(stream.text().await, "");
}
