//! Who a token belongs to, and how a profile is read and changed.

use serde_json::json;

use super::{Database, on_both, profile, refused, world};
use crate::raw::{Raw, Reply};

on_both![
    a_text_no_database_can_hold_is_no_fault_of_the_cloud,
    a_token_is_one_person_and_makes_an_account_once,
    a_token_that_proves_nothing_is_refused,
    edits_merge_as_on_a_device,
    a_stale_state_is_named_by_its_etag,
    an_edit_sent_again_is_taken_once,
    a_user_name_is_one_persons,
    beta_and_select_change_what_they_may,
];

async fn a_token_is_one_person_and_makes_an_account_once(database: Database) {
    let world = world!(database);
    let claims =
        json!({ "sub": "ada", "name": "Ada", "email": "ada@example.org", "preferred_username": "ada" });
    let token = world.provider.token(claims.clone()).await;
    // All at once, before there is an account.
    let asked = (0..20).map(|_| world.node.get(&token, "/user"));
    let answers = futures_util::future::join_all(asked).await;
    let first = profile(&answers[0])["user"].clone();
    assert_eq!(
        (&first["name"], &first["email"], &first["username"]),
        (&json!("Ada"), &json!("ada@example.org"), &json!("ada"))
    );
    for answer in &answers {
        assert_eq!(profile(answer)["user"]["id"], first["id"]);
    }
    let again = world.provider.token(claims).await;
    assert_eq!(profile(&world.node.get(&again, "/user").await)["user"]["id"], first["id"]);
    let other = world.token("bob").await;
    assert_ne!(profile(&world.node.get(&other, "/user").await)["user"]["id"], first["id"]);
    let foreign = format!("/users/{}", first["id"].as_str().unwrap());
    refused(&world.node.get(&other, &foreign).await, 404, "not_found");
    assert_eq!(profile(&world.node.get(&token, &foreign).await)["name"], "Ada");
    assert_eq!(world.node.get(&token, "/user/access_token").await.body, token);
}

async fn a_token_that_proves_nothing_is_refused(database: Database) {
    let world = world!(database);
    let nobody = Raw::at(world.node.url()).get("/user").await;
    refused(&nobody, 401, "not_signed_in");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    let basic = Raw::at(world.node.url()).request("GET", "/user").basic_auth("ada", Some("secret"));
    assert_eq!(Reply::to(basic).await.header("www-authenticate"), Some("Bearer"), "that is no token");
    let endless = world.provider.token(json!({ "sub": "ada", "exp": i64::MAX })).await;
    for _ in 0..2 {
        assert_eq!(
            world.node.get(&endless, "/user").await.status,
            200,
            "one that never ends, believed or asked about"
        );
    }
    let good = world.token("ada").await;
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let forged = format!("{head}.{payload}.{}", "A".repeat(342));
    let past = json!({ "sub": "ada", "exp": 1_700_000_000, "iat": 1_600_000_000, "nbf": 1_600_000_000 });
    let expired = world.provider.token(past).await;
    let of_another = world.provider.token(json!({ "sub": "ada", "aud": "somebody else" })).await;
    let of_a_sign_in = world.provider.token(json!({ "sub": "ada", "nonce": "n-0S6_WzA2Mj" })).await;
    let stranger =
        world.provider.token(json!({ "sub": "ada", "iss": "https://elsewhere.example.org" })).await;
    for (token, why) in [
        ("garbage", "opaque"),
        (&unsigned, "unsigned"),
        (&forged, "forged"),
        (&expired, "expired"),
        (&of_another, "another audience"),
        (&of_a_sign_in, "an ID token"),
        (&stranger, "another issuer"),
    ] {
        let reply = world.node.get(token, "/user").await;
        assert_eq!(reply.outcome(), (401, Some("not_signed_in")), "{why}: {reply:?}");
        assert!(!reply.body.contains(token), "{why}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{why}");
        assert_eq!(world.node.stream(token, "/user/stream").await.err(), Some(401), "{why}");
    }
    assert!(!world.node.log().contains(&good), "the log holds a token");
    assert_eq!(world.node.get(&good, "/user/nowhere").await.header("www-authenticate"), None);
}

async fn edits_merge_as_on_a_device(database: Database) {
    let world = world!(database);
    let token = world.token("ada").await;
    let stale = profile(&world.node.get(&token, "/user").await)["user"].clone();
    let id = stale["id"].as_str().unwrap();
    let picture = json!({ "id": id, "picture": "https://example.org/ada.png" });
    profile(&world.node.post(&token, "/user/update", &picture).await);
    // A tool sends back the whole old profile with one member changed.
    let mut whole = stale.clone();
    whole["name"] = json!("Countess");
    let merged = profile(&world.node.post(&token, "/user/update", &whole).await);
    assert_eq!((&merged["name"], &merged["picture"]), (&json!("Countess"), &picture["picture"]));
    // Many members at once, each by its own tool.
    let edits = [("name", "Augusta"), ("username", "augusta"), ("picture", "https://example.org/b.png")];
    let sent = edits.map(|(member, value)| {
        let mut edit = merged.clone();
        edit[member] = json!(value);
        let (node, token) = (&world.node, &token);
        async move { profile(&node.post(token, "/user/update", &edit).await) }
    });
    futures_util::future::join_all(sent).await;
    let user = profile(&world.node.get(&token, "/user").await)["user"].clone();
    for (member, value) in edits {
        assert_eq!(user[member], value, "{user}");
    }
    let unknown = json!({ "id": "0b5a0000-0000-4000-8000-00000000000f", "name": "X" });
    refused(&world.node.post(&token, "/user/update", &unknown).await, 404, "not_found");
    refused(&world.node.post(&token, "/user/update", &json!({ "name": "X" })).await, 400, "invalid_body");
    let long = json!({ "id": id, "name": "n".repeat(201) });
    refused(&world.node.post(&token, "/user/update", &long).await, 400, "invalid_value");
    let other = world.token("bob").await;
    refused(
        &world.node.post(&other, "/user/update", &json!({ "id": id, "name": "X" })).await,
        404,
        "not_found",
    );
}

async fn a_stale_state_is_named_by_its_etag(database: Database) {
    let world = world!(database);
    let token = world.token("ada").await;
    let first = world.node.get(&token, "/user").await;
    let (etag, id) = (first.header("etag").unwrap().to_owned(), first.json()["user"]["id"].clone());
    world.node.rename(&token, "Countess").await;
    let fresh = world.node.get(&token, "/user").await.header("etag").unwrap().to_owned();
    assert_ne!(etag, fresh);
    let same =
        Raw::at(world.node.url()).request("GET", "/user").bearer_auth(&token).header("if-none-match", &fresh);
    assert_eq!(Reply::to(same).await.status, 304);
    let send = |seen: &str| {
        // The name the caller read, and a new picture.
        let edit = json!({ "id": id, "name": "ada", "picture": "https://example.org/a.png" });
        let request = Raw::at(world.node.url()).request("POST", "/user/update").bearer_auth(&token);
        request.header("content-type", "application/json").header("if-match", seen).body(edit.to_string())
    };
    let merged = profile(&Reply::to(send(&etag)).await);
    assert_eq!(
        (&merged["name"], &merged["picture"]),
        (&json!("Countess"), &json!("https://example.org/a.png"))
    );
    refused(&Reply::to(send("\"9-9\"")).await, 409, "conflict");
}

async fn an_edit_sent_again_is_taken_once(database: Database) {
    let world = world!(database);
    let token = world.token("ada").await;
    let id = profile(&world.node.get(&token, "/user").await)["user"]["id"].clone();
    let push = async |device: &str, key: &str, name: &str| {
        let request = Raw::at(world.node.url()).request("POST", "/user/update").bearer_auth(&token);
        let request = request.header("usher-session", device).header("idempotency-key", key);
        let edit = json!({ "id": id, "name": name }).to_string();
        Reply::to(request.header("content-type", "application/json").body(edit)).await
    };
    assert_eq!(profile(&push("laptop", "\"k-1\"", "Countess").await)["name"], "Countess");
    world.node.rename(&token, "Augusta").await;
    assert_eq!(profile(&push("laptop", "\"k-1\"", "Countess").await)["name"], "Augusta", "sent again");
    assert_eq!(profile(&push("anew", "k-1", "Countess").await)["name"], "Augusta", "after another sign-in");
    assert_eq!(profile(&push("phone", "\"p-1\"", "Ada King").await)["name"], "Ada King");
    assert_eq!(
        profile(&push("laptop", "\"k-1\"", "Countess").await)["name"],
        "Ada King",
        "each has its last"
    );
    // A refused edit was not taken, so it may come again.
    refused(&push("laptop", "\"k-2\"", "").await, 400, "invalid_value");
    assert_eq!(profile(&push("laptop", "\"k-2\"", "Countess").await)["name"], "Countess");
    // However often at once, it is one edit.
    let sent = (0..8).map(|_| push("laptop", "\"k-3\"", "Lady Byron"));
    for reply in futures_util::future::join_all(sent).await {
        assert_eq!(profile(&reply)["name"], "Lady Byron");
    }
    let etag = world.node.get(&token, "/user").await.header("etag").unwrap().to_owned();
    world.node.rename(&token, "Augusta").await;
    assert_eq!(profile(&push("laptop", "\"k-3\"", "Lady Byron").await)["name"], "Augusta");
    assert_eq!(etag, "\"1-6\"", "each of them is one revision");
}

async fn a_user_name_is_one_persons(database: Database) {
    let world = world!(database);
    let tokens = [world.token("ada").await, world.token("bob").await];
    let claim = |token: String, name: &'static str| {
        let node = &world.node;
        async move {
            let id = profile(&node.get(&token, "/user").await)["user"]["id"].clone();
            node.post(&token, "/user/update", &json!({ "id": id, "username": name })).await
        }
    };
    let claims = futures_util::future::join_all(tokens.map(|token| claim(token, "Countess"))).await;
    let mut outcomes: Vec<_> = claims.iter().map(Reply::outcome).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(200, None), (409, Some("taken"))]);
    let third = claim(world.token("eve").await, "countess").await;
    refused(&third, 409, "taken");
}

async fn beta_and_select_change_what_they_may(database: Database) {
    let world = world!(database);
    let token = world.provider.token(json!({ "sub": "ada" })).await;
    let id = profile(&world.node.get(&token, "/user").await)["user"]["id"].clone();
    let body =
        json!({ "name": "Ada", "email": "mallory@example.org", "nickname": "ada", "email_verified": true });
    let selected = profile(&world.node.post(&token, "/user/select", &body).await);
    assert_eq!((&selected["name"], &selected["username"]), (&json!("Ada"), &json!("ada")));
    assert_eq!(selected["email"], json!(null), "the e-mail is the provider's to say");
    let again = profile(&world.node.post(&token, "/user/select", &json!({ "name": "Somebody" })).await);
    assert_eq!(again["name"], "Ada");
    let foreign = json!({ "user_id": "bob", "name": "Bob" });
    refused(&world.node.post(&token, "/user/select", &foreign).await, 403, "not_allowed");
    let beta = json!({ "user": id, "auth0": { "vision": { "continuous": true } } });
    let status = profile(&world.node.post(&token, "/user/beta/status", &beta).await);
    assert_eq!(status["auth0"]["vision"]["continuous"], true);
    let other = world.token("bob").await;
    refused(&world.node.post(&other, "/user/beta/status", &beta).await, 404, "not_found");
}

#[tokio::test]
async fn a_session_ended_for_good_stays_ended_and_the_list_stays_short() {
    let Some(world) = super::World::start(Database::Sqlite, "requests_per_person = 0") else { return };
    let token =
        async |session: Option<&str>| world.provider.token(json!({ "sub": "ada", "sid": session })).await;
    let (thief, own, plain) = (token(Some("thief")).await, token(Some("own")).await, token(None).await);
    for token in [&thief, &own] {
        assert_eq!(world.node.get(token, "/user").await.status, 200);
    }
    profile(&world.node.tell(&own, "/sessions/sid:thief/revoke").await);
    // A quarter of a year later, as the database sees it.
    let file = rusqlite::Connection::open(world.node.place().text()).unwrap();
    file.execute("UPDATE user_sessions SET seen_at = 1000", []).unwrap();
    assert_eq!(world.node.get(&own, "/user").await.status, 200);
    refused(&world.node.get(&thief, "/user").await, 401, "not_signed_in");
    for number in 0..130 {
        let request = Raw::at(world.node.url()).request("GET", "/user").bearer_auth(&plain);
        assert_eq!(Reply::to(request.header("usher-session", format!("s-{number}"))).await.status, 200);
    }
    let listed = profile(&world.node.get(&own, "/sessions").await)["iterable"].as_array().unwrap().len();
    assert!((100..=103).contains(&listed), "{listed} sessions");
    refused(&world.node.get(&thief, "/user").await, 401, "not_signed_in");
}

async fn a_text_no_database_can_hold_is_no_fault_of_the_cloud(database: Database) {
    let world = world!(database);
    let ada = world.token("ada").await;
    for path in ["/user/delete/%00", "/entity/%00"] {
        let status = world.node.get(&ada, path).await.status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    let odd = world.provider.token(json!({ "sub": "a\u{0}b" })).await;
    assert_ne!(world.node.get(&odd, "/user").await.status, 500);
}
