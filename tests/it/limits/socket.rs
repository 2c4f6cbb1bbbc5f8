//! The Unix socket in the data directory: private, complete, cleaned up, found first, and guarded against pages.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use usher_client::{Client, Event, StreamExt, UserApi};

use super::{is_stream, operations};
use crate::{
    contract::anyone,
    daemon::{Answer, Daemon, Scratch, masked},
    http::{Connection, JSON, get, post_json},
    process::Process,
    socket::Socket,
    steps::{state, user, with_ada},
};

#[test]
fn it_is_private_and_answers_as_tcp_does() {
    let (daemon, id) = with_ada();
    let socket = daemon.socket();
    let metadata = fs::symlink_metadata(socket.trim_start_matches("unix:")).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o600);
    assert_eq!(state(&socket), state(daemon.url()));
    for (method, path, about) in operations(daemon.url(), &id) {
        // What signs somebody out is tried at the end.
        let ask = |url: &str| Connection::open(url).ask(&method, &path, JSON, b"{}");
        if is_stream(&about) {
            let mut frames = [Socket::open(&socket, &path), Socket::open(daemon.url(), &path)];
            let [first, second] = frames.each_mut().map(|frame| masked(&frame.text()));
            assert_eq!(first, second, "{path}");
        } else if method == "GET" {
            let (over_socket, over_tcp) = (ask(&socket), ask(daemon.url()));
            assert_eq!(
                (over_socket.status, masked(&over_socket.text())),
                (over_tcp.status, masked(&over_tcp.text())),
                "{method} {path}"
            );
        } else if !["clear", "sign_in", "sign_out", "disconnect"].iter().any(|ends| path.ends_with(ends)) {
            assert_eq!(ask(&socket).outcome(), ask(daemon.url()).outcome(), "{method} {path}");
        }
    }
    let reply = post_json(&socket, "/user/update", &serde_json::json!({ "id": id, "name": "Ada L." }));
    assert_eq!((reply.status, user(daemon.url())["name"].as_str()), (200, Some("Ada L.")));
    assert_eq!(post_json(&socket, "/user/clear", &serde_json::json!({})).status, 204);
    assert!(user(daemon.url()).is_null());
}

#[test]
fn it_is_replaced_after_a_crash_and_removed_at_the_end() {
    let (mut daemon, id) = with_ada();
    let socket = daemon.socket();
    let path = Path::new(socket.trim_start_matches("unix:"));
    daemon.kill();
    assert!(path.exists() && Connection::try_open(&socket).is_err(), "a crash leaves a file behind");
    daemon.start_again();
    assert_eq!(user(&socket)["id"], id.as_str());
    daemon.stop();
    assert!(!path.exists());
}

/// The path of a socket has a little over 100 bytes on every system.
#[test]
fn a_directory_too_deep_for_a_socket_does_without_one() {
    let scratch = Scratch::new();
    let data_dir = scratch.data_dir().join("deep".repeat(30));
    let mut command = scratch.command("", &["serve", "--listen", "127.0.0.1:0"]);
    let daemon = Process::start(command.env("USHER_DATA_DIR", &data_dir));
    let url = daemon.url();
    assert_eq!(get(&url, "/user").status, 200);
    assert_eq!(get(&url, "/status").json()["guard"].get("socket"), None);
    let answer = daemon.stop();
    assert!(answer.code == 0 && answer.stderr.contains("no Unix socket"), "{answer}");
    assert!(answer.stderr.contains("callers use TCP"), "{answer}");
}

/// `usher` with nothing that names a daemon but this variable.
fn found(daemon: &Daemon, variable: (&str, &Path), arguments: &[&str]) -> Answer {
    let mut command = daemon.command(arguments);
    command.env_remove("USHER_URL").env_remove("XDG_DATA_HOME").env(variable.0, variable.1);
    Answer::of(&mut command)
}

#[test]
fn it_is_found_by_the_data_directory() {
    let (daemon, _) = with_ada();
    let data_dir = daemon.data_dir();
    let socket = data_dir.join("usher.sock").display().to_string();
    for (verb, shown) in [("status", format!("unix:{socket}")), ("doctor", format!("answers at {socket}"))] {
        let answer = found(&daemon, ("USHER_DATA_DIR", &data_dir), &[verb]);
        assert!(answer.stdout.contains(&shown), "{answer}");
    }
    let answer = found(&daemon, ("USHER_DATA_DIR", &data_dir), &["whoami"]);
    assert!(answer.code == 0 && answer.stdout.contains("Ada"), "{answer}");
}

#[cfg(target_os = "linux")]
#[test]
fn it_is_found_before_the_ports_of_the_same_daemon() {
    use crate::namespace::{Own, inside};
    if !inside("limits::socket::it_is_found_before_the_ports_of_the_same_daemon", Own::Network) {
        return;
    }
    let scratch = Scratch::new();
    let run = |arguments: &[&str]| {
        let mut command = scratch.command("", arguments);
        // The system's folder for data, below HOME.
        command.env_remove("USHER_URL").env_remove("XDG_DATA_HOME");
        command
    };
    let daemon = Process::start(&mut run(&["serve"]));
    daemon.url();
    let socket = scratch.home().join(".local/share/usher/usher.sock");
    let status = || Answer::of(&mut run(&["status"]));
    assert!(status().stdout.contains(&format!("daemon        unix:{}", socket.display())), "{}", status());
    fs::remove_file(&socket).unwrap();
    assert!(status().stdout.contains("daemon        http://127.0.0.1:39300"), "{}", status());
}

#[test]
fn usher_url_may_name_it() {
    let (daemon, _) = with_ada();
    let run = |arguments: &[&str]| {
        Answer::of(daemon.command(arguments).env("USHER_URL", daemon.socket()))
            .masked(&[(&daemon.data_dir().display().to_string(), "[data]")])
    };
    assert!(run(&["whoami"]).stdout.contains("Ada"));
    assert!(run(&["status"]).stdout.contains("daemon        unix:[data]/usher.sock\n"));
    let doctor = run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{doctor}");
    assert!(doctor.stdout.contains("answers at [data]/usher.sock, named by USHER_URL"), "{doctor}");
    assert_eq!(run(&["logout"]).code, 0);
    assert!(user(daemon.url()).is_null());
}

#[tokio::test]
async fn a_watch_over_it_comes_back_after_a_restart() {
    let mut daemon = Daemon::start();
    let client = Client::new(&daemon.socket()).unwrap();
    let ada = crate::contract::sign_in(&client, "Ada").await;
    let mut watch = client.watch_user();
    for restart in 0..2 {
        let id = loop {
            match watch.next().await {
                Some(Event::Now(present)) => break present.user.as_ref().map(|user| user.id.clone()),
                Some(Event::Lost { .. }) => {}
                None => panic!("a watch never ends"),
            }
        };
        assert_eq!(id.as_deref(), Some(ada.id.as_str()));
        if restart == 0 {
            daemon.kill();
            assert!(matches!(watch.next().await, Some(Event::Lost { .. })), "the loss is told");
            daemon.start_again();
        }
    }
    client.clear_user(&anyone()).await.unwrap();
    assert!(matches!(watch.next().await, Some(Event::Now(present)) if present.user.is_none()));
}

#[test]
fn it_has_no_name_to_fake_and_lets_no_page_in() {
    let (daemon, _) = with_ada();
    let socket = daemon.socket();
    let connect = |host: &str| Connection::try_open_as(&socket, host.to_owned()).unwrap();
    assert_eq!(connect("evil.example").ask("GET", "/user", &[], b"").status, 200);
    let before = state(&socket);
    for stranger in [("Origin", "http://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")]
    {
        let headers = [stranger, JSON[0]];
        connect("localhost").ask("GET", "/user", &headers[..1], b"").refuses(403, "not_allowed");
        connect("localhost").ask("POST", "/user/clear", &headers, b"{}").refuses(403, "not_allowed");
        let refused = Socket::try_open(connect("localhost"), "/user/stream", &headers[..1]).err();
        assert_eq!(refused.map(|reply| reply.status), Some(403), "{stranger:?}");
    }
    let form = [("Content-Type", "text/plain")];
    connect("localhost").ask("POST", "/user/clear", &form, b"").refuses(415, "invalid_body");
    assert_eq!(state(&socket), before);
}
