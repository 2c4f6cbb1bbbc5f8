//! Paths nobody serves, methods nobody takes, and HEAD.

use serde_json::Value;

use super::{
    NOBODY,
    http::{Connection, ask, get},
    state, with_ada,
};

/// The document's paths with ids of nobody and nothing, and the methods each has.
fn paths(url: &str) -> Vec<(String, Vec<String>)> {
    let document = get(url, "/openapi.json").json();
    let methods =
        |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    let fill = |path: &str| {
        let ids =
            ["user", "entity", "allocation", "subscription", "application", "sign_in", "session", "receipt"];
        ids.iter().fold(path.to_owned(), |path, id| path.replace(&format!("{{{id}}}"), NOBODY))
    };
    let documented = document["paths"].as_object().unwrap().iter();
    let mut paths: Vec<_> = documented.map(|(path, item)| (fill(path), methods(item))).collect();
    assert!(paths.len() >= 40 && paths.iter().all(|(path, _)| !path.contains('{')), "{paths:?}");
    paths.extend(["/openapi.json", "/docs"].map(|path| (path.to_owned(), vec!["GET".to_owned()])));
    paths
}

#[test]
fn head_works_wherever_get_does() {
    let (daemon, _) = with_ada();
    let mut connection = Connection::open(daemon.url());
    for (path, _) in
        paths(daemon.url()).iter().filter(|(_, methods)| methods.iter().any(|method| method == "GET"))
    {
        let whole = connection.ask("GET", path, &[], b"");
        // On one connection: a body that was sent after all would be taken for the start of the next answer.
        let head = connection.ask("HEAD", path, &[], b"");
        assert_eq!((head.status, head.code()), (whole.status, whole.code()), "{path}");
        for name in ["content-type", "content-length", "etag", "usher-version"] {
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    for (path, methods) in paths(daemon.url()) {
        let takes = |method: &str| {
            methods.iter().any(|known| known == method || (known == "GET" && method == "HEAD"))
        };
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if takes(method) {
                continue;
            }
            let reply = ask(daemon.url(), method, &path, &[], b"");
            assert_eq!((reply.status, reply.code()), (405, "not_allowed"), "{method} {path}: {reply}");
            let allow = reply.header("allow").unwrap_or_default();
            assert!(allow.split(',').all(takes) && !allow.is_empty(), "{method} {path}: {allow}");
        }
    }
    assert_eq!(state(daemon.url()), before);
}

#[test]
fn an_unknown_path_is_not_found_whatever_the_method() {
    let (daemon, id) = with_ada();
    let unknown = [
        "/page",
        "/page/",
        "//",
        "/user/",
        "//user",
        "/User",
        "/user/nothing",
        "/users/",
        "/.well-known",
        "/.git/config",
        "/*",
    ];
    for path in unknown {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let reply = ask(daemon.url(), method, path, &[], b"");
            assert_eq!((reply.status, reply.code()), (404, "not_found"), "{method} {path}: {reply}");
        }
    }
    get(daemon.url(), &format!("/users/{id}/")).refuses(404, "not_found");
    assert_eq!(
        get(daemon.url(), &format!("/users/{id}?x=%ff&y")).status,
        200,
        "a query nobody asked for is ignored"
    );
}

#[test]
fn rubbish_in_a_path_finds_nothing() {
    let (daemon, id) = with_ada();
    let before = state(daemon.url());
    let long = "x".repeat(8 * 1024);
    for rubbish in [
        "%00",
        "%2f",
        "%2e%2e",
        "..",
        ".",
        "%25",
        "%E2%82%AC",
        "..%2f..%2fusher.db",
        "%0d%0aSet-Cookie:x=1",
        &long,
    ] {
        let reply = get(daemon.url(), &format!("/users/{rubbish}"));
        assert_eq!((reply.status, reply.code()), (404, "not_found"), "{rubbish}: {reply}");
        assert!(reply.header("set-cookie").is_none(), "{rubbish}");
    }
    for rubbish in ["%ff", "%c3%28", "%ed%a0%80"] {
        let reply = get(daemon.url(), &format!("/users/{rubbish}"));
        assert_eq!((reply.status, reply.code()), (400, "invalid_body"), "{rubbish}: {reply}");
        ask(daemon.url(), "POST", &format!("/user/{id}/entities/associate/{rubbish}"), &[], b"")
            .refuses(400, "invalid_body");
    }
    for path in ["/users/../user", "/users/%2e%2e/user", "/user%2fselect", "/user%00", "/%75ser%ff"] {
        get(daemon.url(), path).refuses(404, "not_found");
    }
    assert_eq!(
        get(daemon.url(), &format!("/users/{}", id.replace('-', "%2D"))).status,
        200,
        "an escape is what it stands for"
    );
    assert_eq!(state(daemon.url()), before);
}

#[test]
fn requests_that_are_none_end_their_connection_only() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    for bytes in [
        &b"\r\n\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /user HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\x00\x00\x00\x00\x00\x00\x00\r\n\r\n",
        b"GET /user HTTP/1.1\r\nHost\r\n\r\n",
        b"GET /user HTTP/1.1\r\nX: \x00\r\n\r\n",
        &[b"GET /user HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 64 * 1024], b"\r\n\r\n".to_vec()].concat(),
        &[b"GET /user HTTP/1.1\r\n".to_vec(), b"X: y\r\n".repeat(4096), b"\r\n".to_vec()].concat(),
        &[b"GET /".to_vec(), vec![b'x'; 256 * 1024], b" HTTP/1.1\r\n\r\n".to_vec()].concat(),
    ] {
        let mut connection = Connection::open(daemon.url());
        // The daemon may hang up before it has everything.
        drop(connection.send(bytes));
        assert_eq!(
            state(daemon.url()),
            before,
            "{:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(40)])
        );
    }
}
