//! Members of the wrong type, and values beyond their limits: named by their path, and nothing of the body applied.

use serde_json::{Value, json};

use super::{
    NOBODY,
    http::{Reply, get, post, post_json},
    state, user, with_ada,
};

/// Sends the body with the id of the account and a name beside, and checks that nothing of it was applied.
fn refused(url: &str, id: &str, body: &Value) -> Reply {
    let before = state(url);
    let mut whole = json!({ "id": id, "name": "not applied" });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let reply = post_json(url, "/user/update", &whole);
    assert_eq!(state(url), before, "{body}");
    reply
}

#[test]
fn a_wrong_type_is_named_by_its_path() {
    let (daemon, id) = with_ada();
    let light = json!({ "dark": false });
    let stamp = json!({ "value": "2026-01-01T00:00:00.000Z" });
    for (body, path) in [
        (json!({ "id": 7 }), "id"),
        (json!({ "name": 7 }), "name"),
        (json!({ "username": ["ada"] }), "username"),
        (json!({ "picture": {} }), "picture"),
        (json!({ "email": false }), "email"),
        (json!({ "vanityname": 1.5 }), "vanityname"),
        (json!({ "aesthetics": "dark" }), "aesthetics"),
        (json!({ "aesthetics": { "font": { "size": 9 } } }), "aesthetics"),
        (json!({ "aesthetics": { "font": { "size": "9" }, "theme": light } }), "aesthetics.font.size"),
        (json!({ "aesthetics": { "font": { "size": 9.5 }, "theme": light } }), "aesthetics.font.size"),
        (json!({ "aesthetics": { "font": { "size": null }, "theme": light } }), "aesthetics.font.size"),
        (json!({ "aesthetics": { "font": { "size": 1e300 }, "theme": light } }), "aesthetics.font.size"),
        (json!({ "aesthetics": { "font": { "size": u64::MAX }, "theme": light } }), "aesthetics.font.size"),
        (
            json!({ "aesthetics": { "font": { "size": 9 }, "theme": { "dark": "no" } } }),
            "aesthetics.theme.dark",
        ),
        (json!({ "updated": "2026-01-01T00:00:00.000Z" }), "updated"),
        (json!({ "updated": { "value": "yesterday" } }), "updated.value"),
        (json!({ "updated": { "value": "2026-02-30T00:00:00Z" } }), "updated.value"),
        (json!({ "created": { "value": [] } }), "created.value"),
        (json!({ "apiKeys": ["one", 2] }), "apiKeys[1]"),
        (
            json!({ "providers": { "iterable": [{ "type": 1, "created": stamp }] } }),
            "providers.iterable[0].type",
        ),
        (json!({ "entities": { "iterable": {} } }), "entities.iterable"),
        (json!({ "schema": { "migration": "0" } }), "schema.migration"),
    ] {
        let reply = refused(daemon.url(), &id, &body);
        assert_eq!((reply.status, reply.code()), (400, "invalid_body"), "{body}: {reply}");
        assert!(reply.text().contains(&format!("`{path}`")), "{body}: {reply}");
    }
}

#[test]
fn a_number_too_large_to_be_one_is_named_by_its_path() {
    let (daemon, id) = with_ada();
    let before = state(daemon.url());
    for size in ["99999999999999999999999999", "-99999999999999999999999999", "1e30", "9223372036854775808"] {
        let body = format!(
            r#"{{"id": "{id}", "aesthetics": {{"font": {{"size": {size}}}, "theme": {{"dark": true}}}}}}"#
        );
        let reply = post(daemon.url(), "/user/update", body.as_bytes());
        reply.refuses(400, "invalid_body");
        assert!(reply.text().contains("`aesthetics.font.size`"), "{size}: {reply}");
    }
    assert_eq!(state(daemon.url()), before);
}

#[test]
fn a_value_beyond_its_limits_is_named() {
    let (daemon, id) = with_ada();
    let font = |size: i64| json!({ "aesthetics": { "font": { "size": size }, "theme": { "dark": true } } });
    let image = |length: usize| format!("data:image/png;base64,{}", "A".repeat(length - 22));
    for (body, member) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "ä".repeat(201) }), "name"),
        (json!({ "username": "" }), "username"),
        (json!({ "username": "u".repeat(65) }), "username"),
        (json!({ "username": "ada lovelace" }), "username"),
        (json!({ "username": "ädа" }), "username"),
        (json!({ "username": "ada\n" }), "username"),
        (json!({ "username": "../ada" }), "username"),
        (json!({ "picture": "" }), "picture"),
        (json!({ "picture": "ada.png" }), "picture"),
        (json!({ "picture": "file:///etc/passwd" }), "picture"),
        (json!({ "picture": "javascript:alert(1)" }), "picture"),
        (json!({ "picture": "data:text/html,<script>" }), "picture"),
        (json!({ "picture": image(64 * 1024 + 1) }), "picture"),
        (json!({ "email": "ada" }), "email"),
        (json!({ "email": "@example.org" }), "email"),
        (json!({ "email": "ada@" }), "email"),
        (json!({ "email": "ada lovelace@example.org" }), "email"),
        (font(5), "aesthetics.font.size"),
        (font(97), "aesthetics.font.size"),
        (font(-1), "aesthetics.font.size"),
        (font(i64::MIN), "aesthetics.font.size"),
        (font(i64::MAX), "aesthetics.font.size"),
    ] {
        let reply = refused(daemon.url(), &id, &body);
        assert_eq!((reply.status, reply.code()), (400, "invalid_value"), "{body}: {reply}");
        assert!(reply.text().contains(&format!("`{member}`")), "{body}: {reply}");
    }
}

#[test]
fn a_value_at_its_limit_is_taken() {
    let (daemon, id) = with_ada();
    let image = format!("data:image/png;base64,{}", "A".repeat(64 * 1024 - 22));
    let theme = json!({ "dark": true });
    for body in [
        json!({ "name": "a", "username": "a", "picture": "http://a" }),
        json!({ "name": "😀".repeat(200), "username": "A._-9".repeat(12), "picture": image }),
        json!({ "aesthetics": { "font": { "size": 6 }, "theme": theme } }),
        json!({ "aesthetics": { "font": { "size": 96 }, "theme": theme } }),
        json!({ "name": "\u{0}\u{202e}\u{10ffff}\u{fffd}" }),
    ] {
        let mut whole = body.clone();
        whole["id"] = id.clone().into();
        assert_eq!(post_json(daemon.url(), "/user/update", &whole).status, 200, "{body}");
        let now = user(daemon.url());
        for (member, value) in body.as_object().unwrap().iter().filter(|(_, value)| value.is_string()) {
            assert_eq!(&now[member], value, "{member}");
        }
    }
    assert_eq!(user(daemon.url())["aesthetics"]["font"]["size"], 96);
}

#[test]
fn limits_hold_when_an_account_is_made_too() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    for (body, member) in [
        (json!({ "email": "eve@example.org", "name": "e".repeat(201) }), "name"),
        (json!({ "email": "eve" }), "email"),
        (json!({ "email": "eve@example.org", "picture": "file:///etc/passwd" }), "picture"),
    ] {
        let reply = post_json(daemon.url(), "/user/select", &body);
        assert_eq!((reply.status, reply.code()), (400, "invalid_value"), "{body}: {reply}");
        assert!(reply.text().contains(&format!("`{member}`")), "{body}: {reply}");
        assert_eq!(state(daemon.url()), before, "{body}");
    }
}

#[test]
fn an_id_that_is_none_is_nobodys() {
    let (daemon, _) = with_ada();
    let before = state(daemon.url());
    let long = "x".repeat(4096);
    for id in ["", "ada", NOBODY, "' OR 1=1 --", "0b5a0000000040008000000000000001", "\u{0}", "😀", &long] {
        let update = post_json(daemon.url(), "/user/update", &json!({ "id": id, "name": "Eve" }));
        assert_eq!((update.status, update.code()), (404, "not_found"), "{id:?}: {update}");
        let beta = post_json(daemon.url(), "/user/beta/status", &json!({ "user": id, "continuous": true }));
        assert_eq!((beta.status, beta.code()), (404, "not_found"), "{id:?}: {beta}");
    }
    for id in ["ada", NOBODY, "0", "-1", "null", &long] {
        get(daemon.url(), &format!("/users/{id}")).refuses(404, "not_found");
        post(daemon.url(), &format!("/users/{id}/disconnect"), b"").refuses(404, "not_found");
    }
    assert_eq!(state(daemon.url()), before);
}
