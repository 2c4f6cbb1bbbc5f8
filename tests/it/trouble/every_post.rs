//! What holds for each operation with a POST, found in the daemon's own document so that none is forgotten.

use super::{
    NOBODY,
    http::{Connection, ask, get},
    sign_in, state, with_ada,
};

const MIB: usize = 1024 * 1024;

/// Every POST of the daemon, with ids of nobody and nothing in its path, and whether it takes a body.
fn posts(url: &str) -> Vec<(String, bool)> {
    let document = get(url, "/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let posts = paths.iter().filter_map(|(path, item)| Some((path, item.get("post")?)));
    let posts: Vec<_> = posts.map(|(path, post)| (filled(path), post.get("requestBody").is_some())).collect();
    assert!(posts.len() >= 20, "{posts:?}");
    posts
}

fn filled(path: &str) -> String {
    ["user", "entity", "sign_in", "session"]
        .iter()
        .fold(path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), NOBODY))
}

#[test]
fn an_empty_body_is_none_whatever_json_it_is() {
    let (daemon, _) = with_ada();
    let outcome = |path: &str, kind: &[(&str, &str)]| {
        let reply = ask(daemon.url(), "POST", path, kind, b"");
        // Some of them sign her out.
        sign_in(daemon.url(), "ada@example.org");
        (reply.status, reply.code().to_owned())
    };
    for (path, _) in posts(daemon.url()) {
        let plain = outcome(&path, &[]);
        assert!(plain.0 != 415 && plain.1 != "internal", "{path}: {plain:?}");
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            let typed = outcome(&path, &[("Content-Type", kind), ("Content-Length", "0")]);
            assert_eq!(typed, plain, "{path} with {kind}");
        }
    }
}

#[test]
fn what_a_page_may_send_anywhere_is_refused_even_when_empty() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    let kinds = [
        "text/plain",
        "Text/Plain;charset=utf-8",
        "text/plain;no text: \u{fc}",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ];
    for (path, _) in posts(daemon.url()) {
        for kind in kinds {
            // The one form that is let in is refused for what it does not hold.
            let is_form = path == "/pkce/response/code" && kind.ends_with("urlencoded");
            let status = if is_form { 400 } else { 415 };
            for body in [&b""[..], b"{}"] {
                let reply = ask(daemon.url(), "POST", &path, &[("Content-Type", kind)], body);
                assert_eq!((reply.status, reply.code()), (status, "invalid_body"), "{path} {kind}: {reply}");
            }
        }
    }
    assert_eq!(state(daemon.url()), before);
}

#[test]
fn every_operation_with_a_body_refuses_a_broken_one() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    let long = vec![b' '; MIB + 1];
    for (path, _) in posts(daemon.url()).iter().filter(|(_, takes_body)| *takes_body) {
        let send = |kind: &str, body: &[u8]| {
            let reply = ask(daemon.url(), "POST", path, &[("Content-Type", kind)], body);
            (reply.status, reply.code().to_owned())
        };
        for body in [&b"{"[..], b"{}{}", b"nonsense", b"[1]", b"7", b"\xff", &b"[".repeat(10_000)] {
            let sent = String::from_utf8_lossy(&body[..body.len().min(8)]);
            let refused = (400, "invalid_body".to_owned());
            assert_eq!(send("application/json", body), refused, "{path} with {sent}");
        }
        assert_eq!(send("application/xml", b"<user/>"), (415, "invalid_body".to_owned()), "{path}");
        assert_eq!(send("application/json", &long), (413, "too_large".to_owned()), "{path}");
    }
    assert_eq!(state(daemon.url()), before);
}

/// Whatever the body says is of no interest to them, but what is no JSON was meant for somebody else.
#[test]
fn every_operation_without_a_body_refuses_a_broken_one() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    let long = vec![b' '; MIB + 1];
    let posts = posts(daemon.url());
    let bodiless: Vec<_> = posts.iter().filter(|(_, takes_body)| !*takes_body).collect();
    for path in ["/user/clear", "/os/sign_in", "/os/sign_out"] {
        assert!(bodiless.iter().any(|(known, _)| known == path), "{path} is one of {bodiless:?}");
    }
    for (path, _) in bodiless {
        let refuses = |kind: &[(&str, &str)], body: &[u8], status: u16, code: &str| {
            let reply = ask(daemon.url(), "POST", path, kind, body);
            assert_eq!((reply.status, reply.code()), (status, code), "{path} {kind:?}: {reply}");
        };
        let json = [("Content-Type", "application/json")];
        for body in [&b"{"[..], b"{}{}", b"nonsense", b"\xff", b" ", &b"[".repeat(10_000)] {
            refuses(&json, body, 400, "invalid_body");
        }
        refuses(&[("Content-Type", "application/xml")], b"<user/>", 415, "invalid_body");
        refuses(&[], b"{}", 415, "invalid_body");
        refuses(&json, &long, 413, "too_large");
        assert_eq!(state(daemon.url()), before, "{path}");
    }
}

/// Asks whether it may send a body of this length, and answers what it is told.
fn may_send(url: &str, path: &str, length: usize) -> (Connection, super::http::Reply) {
    let mut connection = Connection::open(url);
    let head = connection.head("POST", path) + "Content-Type: application/json\r\nExpect: 100-continue\r\n";
    connection.send(format!("{head}Content-Length: {length}\r\n\r\n").as_bytes()).unwrap();
    let reply = connection.reply();
    (connection, reply)
}

#[test]
fn too_much_is_refused_before_it_is_sent() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    for (path, _) in posts(daemon.url()) {
        for length in [MIB + 1, 1024 * MIB] {
            let (_, reply) = may_send(daemon.url(), &path, length);
            assert_eq!((reply.status, reply.code()), (413, "too_large"), "{path} {length}: {reply}");
        }
    }
    assert_eq!(state(daemon.url()), before);
    let body = r#"{"name": "Grace", "email": "grace@example.org"}"#;
    let (mut connection, reply) = may_send(daemon.url(), "/user/select", body.len());
    assert_eq!(reply.status, 100, "what is not too much is welcome: {reply}");
    connection.send(body.as_bytes()).unwrap();
    assert_eq!(connection.reply().json()["name"], "Grace");
}
