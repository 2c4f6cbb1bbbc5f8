//! Bodies that are not what they say: refused with the right status, and nothing changed by them.

use std::io::Write;

use super::{
    http::{Connection, JSON, Reply, ask, post},
    rename, state, user, with_ada,
};

const MIB: usize = 1024 * 1024;

/// Sends each body to `POST /user/update`, and checks after each that the daemon answers what it answered before.
fn refused(bodies: &[(&str, Vec<u8>)]) {
    let (daemon, id) = with_ada();
    let before = state(daemon.url());
    for (what, body) in bodies {
        let body = replace(body, b"ADA", id.as_bytes());
        let reply = post(daemon.url(), "/user/update", &body);
        assert_eq!((reply.status, reply.code()), (400, "invalid_body"), "{what}: {reply}");
        assert!(reply.body.starts_with(b"the body") || reply.body.starts_with(b"`"), "{what}: {reply}");
        assert_eq!(state(daemon.url()), before, "{what}");
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match text.windows(from.len()).position(|window| window == from) {
        Some(at) => [&text[..at], to, &text[at + from.len()..]].concat(),
        None => text.to_vec(),
    }
}

#[test]
fn what_is_no_json_is_refused() {
    let texts = [
        ("words", r#"name=Eve&id=ADA"#),
        ("a single brace", "{"),
        ("a blank", " "),
        ("truncated in a string", r#"{"id": "ADA", "name": "Ev"#),
        ("truncated after a member", r#"{"id": "ADA", "name": "Eve""#),
        ("single quotes", "{'id': 'ADA', 'name': 'Eve'}"),
        ("a trailing comma", r#"{"id": "ADA", "name": "Eve",}"#),
        ("a comment", r#"{"id": "ADA", /* whose */ "name": "Eve"}"#),
        ("a byte order mark", "\u{feff}{\"id\": \"ADA\", \"name\": \"Eve\"}"),
        ("a line end in a string", "{\"id\": \"ADA\", \"name\": \"E\nve\"}"),
        ("a NUL in a string", "{\"id\": \"ADA\", \"name\": \"E\0ve\"}"),
        ("a NUL at the end", "{\"id\": \"ADA\", \"name\": \"Eve\"}\0"),
        ("an unknown escape", r#"{"id": "ADA", "name": "\x41"}"#),
        ("half a surrogate pair", r#"{"id": "ADA", "name": "Eve \ud83d"}"#),
        ("the wrong half of a surrogate pair", r#"{"id": "ADA", "name": "Eve \ude00"}"#),
        ("surrogates in the wrong order", r#"{"id": "ADA", "name": "Eve \ude00\ud83d"}"#),
        ("a number beyond any", r#"{"id": "ADA", "aesthetics": {"font": {"size": 1e999}}}"#),
        ("not a number", r#"{"id": "ADA", "aesthetics": {"font": {"size": NaN}}}"#),
    ];
    refused(&texts.map(|(what, text)| (what, text.as_bytes().to_vec())));
}

#[test]
fn two_values_are_not_one() {
    let texts = [
        ("two objects", r#"{"id": "ADA", "name": "Eve"}{"id": "ADA"}"#),
        (
            "two objects on two lines",
            "{\"id\": \"ADA\", \"name\": \"Eve\"}\n{\"id\": \"ADA\", \"name\": \"Mallory\"}",
        ),
        ("an object and a word", r#"{"id": "ADA", "name": "Eve"} true"#),
        ("a brace too many", r#"{"id": "ADA", "name": "Eve"}}"#),
        ("one member twice", r#"{"id": "ADA", "name": "Eve", "name": "Mallory"}"#),
        ("one nested member twice", r#"{"id": "ADA", "aesthetics": {"font": {"size": 9, "size": 10}}}"#),
    ];
    refused(&texts.map(|(what, text)| (what, text.as_bytes().to_vec())));
}

#[test]
fn what_is_no_object_is_refused() {
    let texts =
        ["null", "true", "0", "-1", "1e308", "\"ADA\"", "[]", "[{\"id\": \"ADA\", \"name\": \"Eve\"}]"];
    refused(&texts.map(|text| (text, text.as_bytes().to_vec())));
}

#[test]
fn what_is_no_text_is_refused() {
    let name = |bytes: &[u8]| [br#"{"id": "ADA", "name": "E"#, bytes, br#"ve"}"#].concat();
    refused(&[
        ("a lone continuation byte", name(b"\x80")),
        ("a start without its continuation", name(b"\xc3")),
        ("an overlong slash", name(b"\xc0\xaf")),
        ("a surrogate as bytes", name(b"\xed\xa0\x80")),
        ("beyond the last character", name(b"\xf5\x80\x80\x80")),
        (
            "UTF-16",
            "{\"id\": \"ADA\", \"name\": \"Eve\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
    ]);
}

#[test]
fn what_is_no_text_is_refused_in_members_nobody_knows_too() {
    refused(&[("rubbish", b"{\"id\": \"ADA\", \"name\": \"Eve\", \"x\": \"\xff\"}".to_vec())]);
}

#[test]
fn ten_thousand_levels_are_refused_or_ignored() {
    let deep = |open: &str, close: &str| [open.repeat(10_000), close.repeat(10_000)].concat();
    let member = |path: &str| path.replace('#', &deep("[", "]")).into_bytes();
    refused(&[
        ("lists", deep("[", "]").into_bytes()),
        ("lists without an end", "[".repeat(10_000).into_bytes()),
        ("objects", [r#"{"id":"#.repeat(10_000), "}".repeat(10_000)].concat().into_bytes()),
        ("in a member", member(r#"{"id": "ADA", "name": #}"#)),
        ("in a member of a member", member(r#"{"id": "ADA", "aesthetics": {"font": #}}"#)),
    ]);
    let (daemon, id) = with_ada();
    let body = String::from_utf8(member(r#"{"id": "ADA", "name": "Ada L.", "unknown": #}"#)).unwrap();
    let reply = post(daemon.url(), "/user/update", body.replace("ADA", &id).as_bytes());
    assert_eq!(reply.status, 200, "an unknown member is ignored, however deep: {reply}");
    assert_eq!(user(daemon.url())["name"], "Ada L.");
}

/// A profile of exactly this many bytes, most of them in a member nobody knows.
fn update_of(id: &str, name: &str, length: usize) -> Vec<u8> {
    let mut body = format!(r#"{{"id": "{id}", "name": "{name}", "padding": ""#).into_bytes();
    body.resize(length - 2, b'x');
    body.extend_from_slice(b"\"}");
    body
}

/// The same in chunks of 64 KiB, so that nobody can know the length before the end.
fn post_chunked(connection: &mut Connection, body: &[u8]) -> Reply {
    let mut request = connection.head("POST", "/user/update").into_bytes();
    request.extend_from_slice(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(64 * 1024) {
        write!(request, "{:x}\r\n", chunk.len()).unwrap();
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    connection.send(&request).unwrap();
    connection.reply()
}

#[test]
fn a_mebibyte_is_taken_and_a_byte_more_is_not() {
    let (daemon, id) = with_ada();
    let urls = [daemon.url().to_owned(), daemon.socket()];
    for url in urls.iter().take(if cfg!(unix) { 2 } else { 1 }) {
        assert_eq!(post(url, "/user/update", &update_of(&id, "whole", MIB)).status, 200);
        assert_eq!(user(url)["name"], "whole");
        assert_eq!(post_chunked(&mut Connection::open(url), &update_of(&id, "chunked", MIB)).status, 200);
        assert_eq!(user(url)["name"], "chunked");
        let before = state(url);
        let more = update_of(&id, "more", MIB + 1);
        post(url, "/user/update", &more).refuses(413, "too_large");
        post_chunked(&mut Connection::open(url), &more).refuses(413, "too_large");
        assert_eq!(state(url), before);
    }
}

/// The daemon hangs up in the middle of it, and says before why.
#[test]
fn far_too_much_is_told_so_before_its_end() {
    let (daemon, id) = with_ada();
    let before = state(daemon.url());
    let body = update_of(&id, "much", 16 * MIB);
    let mut connection = Connection::open(daemon.url());
    let head = connection.head("POST", "/user/update");
    let rest = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.send((head + &rest).as_bytes()).unwrap();
    drop(connection.send(&body));
    connection.reply().refuses(413, "too_large");
    assert_eq!(state(daemon.url()), before);
}

#[test]
fn a_body_that_ends_early_changes_nothing() {
    let (daemon, id) = with_ada();
    let before = state(daemon.url());
    let body = format!(r#"{{"id": "{id}", "name": "Eve"}}"#);
    for rest in [
        format!("Content-Length: {}\r\n\r\n{body}", body.len() + 1),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len()),
        format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n"),
    ] {
        let mut connection = Connection::open(daemon.url());
        let head = connection.head("POST", "/user/update") + "Content-Type: application/json\r\n";
        connection.send((head + &rest).as_bytes()).unwrap();
        connection.into_stream().get_ref().finish().unwrap();
        assert_eq!(state(daemon.url()), before, "{rest}");
    }
    assert_eq!(rename(daemon.url(), &id, "Ada L.").status, 200);
}

#[test]
fn two_lengths_are_no_length() {
    let (daemon, id) = with_ada();
    let body = format!(r#"{{"id": "{id}", "name": "Eve"}}"#);
    let smuggled = "POST /user/clear HTTP/1.1\r\n\r\n";
    for lengths in [
        format!("Content-Length: {}\r\nContent-Length: {}\r\n", body.len(), body.len() + smuggled.len()),
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", body.len()),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 99999999999999999999999\r\n".to_owned(),
    ] {
        let mut connection = Connection::open(daemon.url());
        let head = connection.head("POST", "/user/update") + "Content-Type: application/json\r\n";
        connection.send(format!("{head}{lengths}\r\n{body}{smuggled}").as_bytes()).unwrap();
        assert_eq!(connection.reply().status, 400, "{lengths}");
        assert_eq!(user(daemon.url())["name"], "Ada", "{lengths}");
    }
}

#[test]
fn only_json_is_taken() {
    let (daemon, id) = with_ada();
    let url = daemon.url();
    let body = format!(r#"{{"id": "{id}", "name": "Eve"}}"#);
    let send = |kind: &[(&str, &str)]| ask(url, "POST", "/user/update", kind, body.as_bytes());
    let before = state(url);
    for kind in
        ["application/xml", "application/jsonp", "json", "text/json", "*/*", "", "application/json-patch"]
    {
        send(&[("Content-Type", kind)]).refuses(415, "invalid_body");
    }
    send(&[]).refuses(415, "invalid_body");
    assert_eq!(state(url), before);
    for kind in
        ["application/json", "APPLICATION/JSON", "application/json;charset=utf-8", "application/ld+json"]
    {
        assert_eq!(send(&[("Content-Type", kind)]).status, 200, "{kind}");
    }
    assert_eq!(user(url)["name"], "Eve");
}

#[test]
fn a_caller_can_ask_for_problems_in_json() {
    let (daemon, _) = with_ada();
    let headers = [JSON[0], ("Accept", "application/problem+json")];
    let reply = ask(daemon.url(), "POST", "/user/update", &headers, b"{");
    reply.refuses(400, "invalid_body");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let problem = reply.json();
    assert_eq!((problem["code"].as_str(), problem["status"].as_i64()), (Some("invalid_body"), Some(400)));
    assert_eq!(problem["requestId"].as_str(), reply.header("x-request-id"));
}
