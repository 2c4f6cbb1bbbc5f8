//! The sub-protocol `usher.v1`: whoever offers it is told what changed, and everybody else is told what he always was.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    daemon::Daemon,
    http::{Connection, get, post_json},
    socket::{Frame, Socket},
    steps::{rename, sign_in, with_ada},
};

const OFFER: (&str, &str) = ("Sec-WebSocket-Protocol", "usher.v1");

/// A stream of changes, from the state with this version on.
fn follow(url: &str, since: &str) -> Socket {
    let path = format!("/user/stream?types=all{since}");
    let (socket, reply) = Socket::shake_hands(Connection::open(url), &path, &[OFFER]).unwrap();
    assert_eq!(reply.header("sec-websocket-protocol"), Some("usher.v1"));
    socket
}

fn since(frame: &Value) -> String {
    format!("&since={}", frame["version"].as_str().unwrap())
}

/// What a reader makes of a frame.
fn apply(state: &mut Value, frame: &Value) {
    if let Some(user) = frame.get("user") {
        state["user"] = user.clone();
    } else {
        assert_eq!(frame["base"], state["version"], "told from where he stands");
        let user = state["user"].as_object_mut().unwrap();
        for name in frame["removed"].as_array().into_iter().flatten() {
            user.remove(name.as_str().unwrap()).expect("it was there");
        }
        user.extend(frame["changed"].as_object().cloned().unwrap_or_default());
    }
    state["version"] = frame["version"].clone();
}

#[test]
fn who_offers_it_is_told_what_changed() {
    let daemon = Daemon::start();
    let url = daemon.url();
    let mut stream = follow(url, "");
    let signed_out = stream.profile();
    assert_eq!(signed_out, json!({ "version": signed_out["version"], "user": null }));
    let ada = sign_in(url, "ada@example.org");
    let mut state = stream.profile();
    assert_eq!(state["user"], get(url, "/user").json()["user"], "somebody else is told whole");
    assert_eq!(rename(url, &ada, "Countess").status, 200);
    let delta = stream.profile();
    let told: Vec<_> = delta["changed"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(told, ["name", "updated"], "{delta}");
    apply(&mut state, &delta);
    assert_eq!(post_json(url, "/user/update", &json!({ "id": ada, "name": null })).status, 200);
    let delta = stream.profile();
    assert_eq!(delta["removed"], json!(["name"]), "{delta}");
    apply(&mut state, &delta);
    assert_eq!(state["user"], get(url, "/user").json()["user"]);
    let grace = sign_in(url, "grace@example.org");
    let whole = stream.profile();
    assert_eq!((&whole["user"]["id"], whole.get("base")), (&json!(grace), None), "a switch is a new state");
    assert_eq!(post_json(url, "/user/clear", &json!({})).status, 204);
    assert_eq!(stream.profile(), signed_out, "equal states have equal versions");
}

#[test]
fn who_comes_back_is_told_what_he_lacks() {
    let (mut daemon, ada) = with_ada();
    let whole = follow(daemon.url(), "").profile();
    let unchanged = json!({ "version": whole["version"] });
    let mut stream = follow(daemon.url(), &since(&whole));
    assert_eq!(stream.profile(), unchanged);
    rename(daemon.url(), &ada, "Countess");
    assert_eq!(stream.profile()["base"], whole["version"]);
    for number in 0..50 {
        rename(daemon.url(), &ada, &format!("Ada {number}"));
    }
    let mut late = follow(daemon.url(), &since(&whole));
    let newest = late.profile();
    assert_eq!(newest["user"]["name"], "Ada 49", "many changes are one frame");
    // Whatever the daemon counts begins anew, and the state is the same.
    daemon.stop();
    daemon.start_again();
    assert_eq!(follow(daemon.url(), &since(&newest)).profile(), json!({ "version": newest["version"] }));
    let long = "0".repeat(4000);
    for nonsense in ["", "1-1", "-1", "null", "%00", "%ff%fe", "%22", "*", "0", &long] {
        let told = follow(daemon.url(), &format!("&since={nonsense}")).profile();
        assert_eq!(told, newest, "{nonsense}");
    }
}

#[test]
fn everybody_else_is_told_what_he_always_was() {
    let (daemon, ada) = with_ada();
    let whole = follow(daemon.url(), "").profile();
    for offered in [None, Some("chat"), Some("usher.v2"), Some("usher.v10, USHER.V1"), Some("")] {
        let headers: Vec<_> = offered.map(|offered| (OFFER.0, offered)).into_iter().collect();
        let path = format!("/user/stream?{}", since(&whole));
        let (mut stream, reply) =
            Socket::shake_hands(Connection::open(daemon.url()), &path, &headers).unwrap();
        assert_eq!(reply.header("sec-websocket-protocol"), None, "{offered:?}");
        assert_eq!(stream.text(), get(daemon.url(), "/user/stream").text(), "{offered:?}");
        rename(daemon.url(), &ada, &format!("Ada of {offered:?}"));
        assert_eq!(stream.text(), get(daemon.url(), "/user/stream").text(), "{offered:?}");
    }
    // Of several that are offered it is the one that is spoken here.
    let headers = [(OFFER.0, "chat, usher.v1")];
    let (mut stream, reply) =
        Socket::shake_hands(Connection::open(daemon.url()), "/user/stream", &headers).unwrap();
    assert_eq!(reply.header("sec-websocket-protocol"), Some("usher.v1"));
    assert!(stream.profile()["version"].is_string());
}

#[test]
fn a_slow_reader_is_told_the_way_from_where_he_stands() {
    let (daemon, ada) = with_ada();
    let mut stream = follow(daemon.url(), "");
    let mut writer = Connection::open(daemon.url());
    let (last, picture) = (200, "A".repeat(60_000));
    for number in 1..=last {
        let picture = format!("data:image/png;base64,{number:08}{picture}");
        let edit = json!({ "id": ada, "name": format!("Ada {number}"), "picture": picture }).to_string();
        let reply = writer.ask("POST", "/user/update", crate::http::JSON, edit.as_bytes());
        assert_eq!(reply.status, 200, "{reply}");
    }
    let (mut state, mut frames) = (json!({}), 0);
    while state["user"]["name"] != format!("Ada {last}") {
        let frame = stream.profile();
        assert_eq!(frame.get("user").is_some(), frames == 0, "only the first one is whole");
        apply(&mut state, &frame);
        frames += 1;
    }
    assert_eq!(state["user"], get(daemon.url(), "/user").json()["user"]);
    assert!(frames < last, "{frames} frames: this test filled no buffer");
    // He is one like all others now.
    rename(daemon.url(), &ada, "Countess");
    apply(&mut state, &stream.profile());
    assert_eq!(state["user"], get(daemon.url(), "/user").json()["user"]);
    daemon_closes(daemon, stream);
}

/// A daemon that stops says so on these streams, too.
fn daemon_closes(mut daemon: Daemon, mut stream: Socket) {
    daemon.stop();
    assert_eq!(stream.next(Duration::from_secs(5)).unwrap(), Frame::Close(1001));
}
