//! Secrets that callers hand over, planted in every operation: none may come out again, in an answer, in the log, from the
//! command line, or in the data directory.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use super::{is_stream, operations};
use crate::{
    daemon::{Answer, Daemon},
    http::{Connection, JSON, get},
    socket::Socket,
    steps::{sign_in, user},
};

/// What is planted. Each text is in no other place on earth.
const BEARER: &str = "planted-bearer-6fd1c0a9";
const ACCESS: &str = "planted-access-a83be410";
const REFRESH: &str = "planted-refresh-57c9d2ee";
const IDENTITY: &str = "planted-identity-0be4f671";
const PROVIDER: &str = "planted-provider-c2297d35";
const PROVIDER_ACCESS: &str = "planted-linked-91d0e7bc";
const CLOUD_KEY: &str = "planted-cloud-key-3d58ab06";
const API_KEY: &str = "planted-api-key-e41f9027";
const APPLICATION: &str = "planted-application-7b60d8c4";
const PASSWORD: &str = "planted-password-18ac53f2";
const PLANTED: &str = "planted-";

/// Bodies with secrets where they belong, where they do not, and in pieces.
fn bodies(id: &str) -> Vec<String> {
    let identity =
        json!({ "provider": "github", "user_id": "7", "access_token": PROVIDER, "expires_in": 60 });
    let auth0 = json!({
        "email": "ada@example.org",
        "name": "Ada",
        "identities": [identity],
        "user_metadata": {
            "global_id": "0b5a0000-0000-4000-8000-00000000000a",
            "cloud_key": CLOUD_KEY,
            "open_AI": { "api_key": API_KEY, "organization_key": API_KEY },
        },
    });
    let token = json!({
        "access_token": ACCESS, "token_type": "Bearer", "expires_in": 60, "refresh_token": REFRESH, "id_token": IDENTITY
    });
    let time = json!({ "value": "2026-01-01T00:00:00Z" });
    let provider = json!({
        "type": "GITHUB", "user_id": "7", "access_token": PROVIDER_ACCESS, "created": time, "updated": time
    });
    let edit = json!({ "id": id, "name": "Ada L.", "providers": { "iterable": [provider] } });
    let mut bodies: Vec<String> = [&auth0, &token, &edit].map(|body| body.to_string()).into();
    // Cut short, and with a member of another type: errors that say where.
    bodies.extend([&auth0, &token, &edit].map(|body| {
        let text = body.to_string();
        text[..text.len() - 2].to_owned()
    }));
    bodies.extend(
        [
            json!({ "access_token": [ACCESS], "token_type": "Bearer", "expires_in": 60 }),
            json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": ACCESS }),
            json!({ "access_token": ACCESS, "token_type": 7 }),
            json!({ "email": "ada@example.org", "identities": PROVIDER }),
            json!({ "email": "ada@example.org", "identities": { PROVIDER: PROVIDER } }),
            json!({ "email": "ada@example.org", "identities": [PROVIDER] }),
            json!({ "email": "ada@example.org", "user_metadata": { "global_id": "x", "open_AI": API_KEY } }),
            json!({ "email": "ada@example.org", "logins_count": ACCESS, "updated_at": ACCESS }),
            json!({ "id": id, "providers": PROVIDER_ACCESS }),
            json!({ "id": id, "providers": { "iterable": [{ "type": { PROVIDER: 1 } }] } }),
            json!(ACCESS),
            json!([ACCESS]),
        ]
        .map(|body| body.to_string()),
    );
    bodies
}

#[track_caller]
fn holds_none(what: &str, text: &str) {
    if let Some(at) = text.find(PLANTED) {
        let start = text[..at].char_indices().rev().nth(80).map_or(0, |(start, _)| start);
        let found: String = text[start..].chars().take(200).collect();
        panic!("{what}: ...{found}...");
    }
}

fn search_folder(folder: &Path, files: &AtomicUsize) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search_folder(&path, files);
        } else if path.is_file() {
            files.fetch_add(1, Ordering::Relaxed);
            let bytes = fs::read(&path).unwrap();
            holds_none(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn what_is_handed_over_never_comes_out() {
    let mut daemon = Daemon::start_set(&[("USHER_LOG", "trace")]);
    let url = daemon.url().to_owned();
    let id = sign_in(&url, "ada@example.org");
    let authorization = format!("Bearer {BEARER}");
    let headers = [JSON[0], ("Authorization", &authorization), ("X-Application-ID", APPLICATION)];
    let problem = [&headers[..], &[("Accept", "application/problem+json")]].concat();
    let operations = operations(&url, &id);
    for (method, path, about) in &operations {
        if is_stream(about) {
            let mut stream = Socket::try_open(Connection::open(&url), path, &headers[1..]).ok().unwrap();
            holds_none(path, &stream.text());
        }
        let bodies = if method == "GET" { vec![String::new()] } else { bodies(&id) };
        for body in bodies {
            for headers in [&headers[..], &problem] {
                // One waits until somebody is signed in.
                sign_in(&url, "ada@example.org");
                let reply = Connection::open(&url).ask(method, path, headers, body.as_bytes());
                let told = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
                let told = told.collect::<String>() + &String::from_utf8_lossy(&reply.body);
                holds_none(&format!("{method} {path} {body}"), &told);
            }
        }
    }
    let bad = ["GET /user HTTP/9.9", "GARBAGE", "GET /nowhere HTTP/1.1", "PUT /user HTTP/1.1"];
    for line in bad {
        let mut connection = Connection::open(&url);
        let rest = format!("Host: x\r\nAuthorization: {authorization}\r\nBad Header {ACCESS}\r\n\r\n");
        drop(connection.send(format!("{line}\r\n{rest}").as_bytes()));
        let mut answer = Vec::new();
        drop(std::io::Read::read_to_end(connection.stream(), &mut answer));
        holds_none(line, &String::from_utf8_lossy(&answer));
    }
    for path in ["/user", "/users", "/audit", "/status", "/docs", "/openapi.json", "/applications"] {
        holds_none(path, &get(&url, path).text());
    }
    assert!(!user(&url).is_null());
    search_folder(&daemon.data_dir(), &AtomicUsize::new(0));
    daemon.stop();
    let files = AtomicUsize::new(0);
    search_folder(&daemon.data_dir(), &files);
    assert!(files.load(Ordering::Relaxed) >= 2, "the database and the lock at least");
    let log = daemon.log();
    assert!(log.contains("DEBUG"), "the log is not as talkative as it can be: {log}");
    holds_none("log", &log);
}

#[test]
fn a_password_in_an_address_is_never_printed() {
    let daemon = Daemon::start();
    sign_in(daemon.url(), "ada@example.org");
    let place = daemon.url().trim_start_matches("http://");
    let addresses = [
        format!("http://ada:{PASSWORD}@{place}"),
        format!("http://ada:{PASSWORD}@127.0.0.1:1"),
        format!("https://ada:{PASSWORD}@{place}"),
        format!("ftp://ada:{PASSWORD}@{place}"),
        format!("ada:{PASSWORD}@{place}"),
        format!("//ada:{PASSWORD}@{place}"),
        format!("http://ada:{PASSWORD}@"),
        format!("http://ada:{PASSWORD}@[::1"),
        format!("http://ada:{PASSWORD}@127.0.0.1:99999"),
        format!("http://{place}/?token={PASSWORD}"),
        format!("https://{place}/#{PASSWORD}"),
        format!("http://127.0.0.1:99999/?token={PASSWORD}"),
    ];
    // Every verb asks for the daemon in the same way; what they print of it differs.
    let verbs = ["status", "doctor", "whoami"];
    let more =
        ["accounts", "profile show", "access SENTRY", "orgs", "apps", "audit", "login", "logout", "openapi"];
    let mut reached = 0;
    for (number, address) in addresses.iter().enumerate() {
        for verb in verbs.iter().chain(more.iter().filter(|_| number == 0)) {
            for json in [&[][..], &["--json"]] {
                let arguments: Vec<&str> = verb.split(' ').chain(json.iter().copied()).collect();
                let answer = Answer::of(daemon.command(&arguments).env("USHER_URL", address));
                holds_none(
                    &format!("{arguments:?} {address}"),
                    &format!("{}{}", answer.stdout, answer.stderr),
                );
                reached += usize::from(answer.code == 0);
            }
        }
    }
    assert!(reached > verbs.len(), "the first address is the daemon's");
}
