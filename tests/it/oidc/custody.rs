//! Tokens in custody: fresh when asked for, refreshed once however many ask, durable before use, and lost only when the
//! provider says so or somebody signs out.

use serde_json::json;
use usher_client::{Caller, Code, UserApi};

use super::*;
use crate::contract::{code, until};
#[cfg(target_os = "linux")]
use crate::{
    namespace::{Own, inside},
    trouble::disk::{fill, small_disk},
};

const TOKEN: &str = "/oauth/token";

async fn token(client: &Client) -> Result<String, Code> {
    let token = client.user_access_token(&anyone()).await;
    token.map(|token| token.expose().to_owned()).map_err(|error| error.code)
}

async fn current(daemon: &Daemon) -> Value {
    Raw::new(daemon).user().await["id"].clone()
}

#[tokio::test]
async fn a_crowd_that_asks_near_the_end_costs_one_refresh() {
    for size in [20, 200] {
        a_crowd_costs_one_refresh(size).await;
    }
}

async fn a_crowd_costs_one_refresh(size: usize) {
    let Some(provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    let before = provider.count(TOKEN).await;
    provider.break_down(json!({ "ttl": 3600 })).await;
    let application = application(&daemon).await;
    let crowd = (0..size).map(|_| {
        let application = application.clone();
        tokio::spawn(async move { token(&application).await })
    });
    let tokens: Vec<String> = futures_util::future::join_all(crowd)
        .await
        .into_iter()
        .map(|token| token.unwrap().unwrap())
        .collect();
    assert_eq!(provider.count(TOKEN).await, before + 1);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert!(provider.accepts(&tokens[0]).await);
}

#[tokio::test]
async fn a_token_with_life_is_handed_out_without_asking_anybody() {
    let Some(mut provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    let application = application(&daemon).await;
    let first = token(&application).await.unwrap();
    provider.stop();
    assert_eq!(token(&application).await, Ok(first));
}

#[tokio::test]
async fn what_was_rotated_survives_an_end_without_warning() {
    let Some(provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let mut daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        // Each answer means that the provider knows another refresh token than before.
        seen.push(token(&application(&daemon).await).await.unwrap());
        daemon.kill();
        daemon.start_again();
    }
    seen.push(token(&application(&daemon).await).await.unwrap());
    assert!(provider.accepts(seen.last().unwrap()).await);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "each time another token");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_was_rotated_waits_for_a_disk_that_is_full() {
    if !inside("oidc::custody::what_was_rotated_waits_for_a_disk_that_is_full", Own::Mounts) {
        return;
    }
    let Some(provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let mut daemon = Daemon::start_with(|data| {
        small_disk(data);
        configure(data, provider.url(), "");
    });
    let alice = sign_alice_in(&daemon).await.user.unwrap();
    let application = application(&daemon).await;
    provider.break_down(json!({ "ttl": 3600 })).await;
    let before = provider.count(TOKEN).await;
    fill(&daemon.data_dir());
    for _ in 0..3 {
        assert_eq!(token(&application).await, Err(Code::Internal), "nothing that is not durable");
        assert_eq!(provider.count(TOKEN).await, before + 1, "the old token is worth nothing any more");
        assert_eq!(current(&daemon).await, alice);
        assert_eq!(session(&daemon).await["problem"]["code"], "not_stored");
    }
    std::fs::remove_file(daemon.data_dir().join("filling")).unwrap();
    let rotated = token(&application).await.unwrap();
    assert!(provider.accepts(&rotated).await);
    assert_eq!(provider.count(TOKEN).await, before + 1);
    assert_eq!(session(&daemon).await["problem"], Value::Null);
    daemon.stop();
    daemon.start_again();
    assert_eq!(token(&self::application(&daemon).await).await, Ok(rotated));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_once_more() {
    let Some(provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    let application = application(&daemon).await;
    let before = provider.count(TOKEN).await;
    provider.break_down(json!({ (TOKEN): "drop" })).await;
    let token = token(&application).await.unwrap();
    assert!(provider.accepts(&token).await);
    assert_eq!(provider.count(TOKEN).await, before + 2);
}

#[tokio::test]
async fn no_fault_of_the_network_or_the_provider_signs_anybody_out() {
    let Some(provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let daemon = daemon_of(provider.url(), "issuer_within = 1");
    let alice = sign_alice_in(&daemon).await.user.unwrap();
    let application = application(&daemon).await;
    for (fault, word) in
        [("500", "issuer_failed"), ("garbage", "issuer_failed"), ("hang", "issuer_unreachable")]
    {
        provider.break_down(json!({ (TOKEN): fault })).await;
        assert_eq!(token(&application).await, Err(Code::UpstreamFailed), "{fault}");
        assert_eq!(current(&daemon).await, alice, "{fault}");
        let session = session(&daemon).await;
        assert_eq!(session["problem"]["code"], word, "{fault}: {session}");
        assert!(session["since"].is_object(), "{session}");
    }
    let told = daemon.cli(&["status"]);
    assert!(told.stdout.contains("did not answer") && told.stdout.contains("check the network"), "{told}");
    provider.break_down(json!({})).await;
    assert!(provider.accepts(&token(&application).await.unwrap()).await);
    assert_eq!(session(&daemon).await["problem"], Value::Null);
}

#[tokio::test]
async fn a_provider_that_is_gone_signs_nobody_out() {
    let Some(mut provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let mut daemon = daemon_of(provider.url(), "");
    let alice = sign_alice_in(&daemon).await.user.unwrap();
    provider.stop();
    assert_eq!(token(&application(&daemon).await).await, Err(Code::UpstreamFailed));
    daemon.stop();
    daemon.start_again();
    assert_eq!(token(&application(&daemon).await).await, Err(Code::UpstreamFailed));
    assert_eq!(current(&daemon).await, alice);
}

#[tokio::test]
async fn only_the_provider_ends_a_session_and_the_account_stays() {
    let Some(mut provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let alice = sign_alice_in(&daemon).await.user.unwrap();
    let client = daemon.client();
    let application = application(&daemon).await;
    // It has forgotten every grant, so it answers `invalid_grant`.
    provider.start_again(&[("ACCESS_TTL", "30")]);
    let error = application.user_access_token(&anyone()).await.unwrap_err();
    assert_eq!(error.code, Code::NotSignedIn);
    assert!(error.message.contains("has ended at its identity provider"), "{error}");
    assert_eq!(current(&daemon).await, Value::Null);
    assert_eq!(client.users_snapshot(&anyone()).await.unwrap().iterable[0].id, alice);
    let record = client.audit_snapshot(&anyone()).await.unwrap().iterable;
    let ended =
        record.iter().find(|entry| entry.action.as_str() == "SESSION_ENDED").expect("it is written down");
    assert_eq!(
        (ended.user.as_deref(), ended.subject.as_deref()),
        (alice.as_str().into(), provider.url().into())
    );
    assert_eq!(code(client.select_user(&anyone(), None).await), Code::NotSignedIn);
    assert_eq!(sign_alice_in(&daemon).await.user.unwrap(), alice);
    assert!(provider.accepts(&token(&application).await.unwrap()).await);
}

#[tokio::test]
async fn tokens_are_refreshed_before_anybody_asks() {
    let Some(provider) = Provider::start(&[]) else { return };
    let mut daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    daemon.stop();
    // As if four fifths of its life had passed while the daemon was away.
    let database = rusqlite::Connection::open(daemon.data_dir().join("usher.db")).unwrap();
    assert_eq!(database.execute("UPDATE sessions SET refresh_at = 1", []).unwrap(), 1);
    drop(database);
    let before = provider.count(TOKEN).await;
    daemon.start_again();
    until(|| async { (provider.count(TOKEN).await == before + 1).then_some(()) }).await;
    let is_kept = async || !session(&daemon).await["refresh"]["value"].as_str().unwrap().starts_with("1970");
    until(|| async { is_kept().await.then_some(()) }).await;
}

#[tokio::test]
async fn signing_out_revokes_the_tokens_even_when_the_provider_is_late() {
    let Some(provider) = Provider::start(&[]) else { return };
    let mut daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    let application = application(&daemon).await;
    let token = token(&application).await.unwrap();
    provider.break_down(json!({ "/oauth/revoke": "500" })).await;
    application.sign_out_of_os(&anyone()).await.unwrap();
    assert_eq!(current(&daemon).await, Value::Null);
    until(|| async { (provider.count("/oauth/revoke").await > 0).then_some(()) }).await;
    assert!(provider.accepts(&token).await);
    daemon.stop();
    provider.break_down(json!({})).await;
    daemon.start_again();
    until(|| async { (!provider.accepts(&token).await).then_some(()) }).await;
    assert_eq!(code(daemon.client().select_user(&anyone(), None).await), Code::NotSignedIn);
}

#[tokio::test]
async fn no_token_is_readable_on_the_disk_or_in_the_log() {
    let Some(provider) = Provider::start(&[("JWT_AT", "1")]) else { return };
    let mut daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    let token = token(&application(&daemon).await).await.unwrap();
    let payload = token.split('.').nth(1).expect("a JWT");
    for path in ["/user", "/users", "/status", "/user/stream"] {
        assert!(!Raw::new(&daemon).get(path).await.body.contains(payload), "{path}");
    }
    daemon.stop();
    for file in std::fs::read_dir(daemon.data_dir()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let is_there = bytes.windows(payload.len()).any(|window| window == payload.as_bytes());
        assert!(!is_there, "{}", path.display());
    }
    assert!(!daemon.log().contains(payload));
}

#[tokio::test]
async fn a_bearer_must_be_made_for_this_audience() {
    let Some(provider) = Provider::start_liar() else { return };
    let daemon = daemon_with_audience(provider.url());
    let client = daemon.client();
    let select = async |claims: Value| {
        let token = provider.token(claims).await;
        let caller = Caller { bearer: Some(token.as_str().into()), ..anyone() };
        client.select_user(&caller, None).await
    };
    let api = "https://api.example.test/";
    assert_eq!(code(select(json!({ "sub": "ada", "aud": "usher" })).await), Code::NotSignedIn);
    let of_a_sign_in = json!({ "sub": "ada", "aud": ["usher", api], "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" });
    assert_eq!(code(select(of_a_sign_in).await), Code::NotSignedIn);
    assert!(select(json!({ "sub": "ada", "aud": ["usher", api] })).await.is_ok());
}

#[tokio::test]
async fn a_bearer_selects_the_account_his_token_proves() {
    for settings in [&[][..], &[("JWT_AT", "1")]] {
        let Some(provider) = Provider::start(settings) else { return };
        let daemon = daemon_with_audience(provider.url());
        let alice = sign_alice_in(&daemon).await.user.unwrap();
        let client = daemon.client();
        let good = token(&application(&daemon).await).await.unwrap();
        client.clear_user(&anyone()).await.unwrap();
        let bearer = |token: &str| Caller { bearer: Some(token.into()), ..anyone() };
        let selected = client.select_user(&bearer(&good), Some(model(json!({ "user_id": ALICE })))).await;
        assert_eq!(selected.unwrap().id, alice);
        let other = client.select_user(&bearer(&good), Some(model(json!({ "user_id": "auth0|eve" })))).await;
        assert_eq!(code(other), Code::NotAllowed);
        let (head, signature) = good.split_at(good.len() - 10);
        let forged = format!("{head}{}", signature.chars().rev().collect::<String>());
        assert_eq!(code(client.select_user(&bearer(&forged), None).await), Code::NotSignedIn);
        // Where there is a provider, nobody becomes an account by saying so.
        let claimed = client.select_user(&anyone(), Some(model(json!({ "user_id": "auth0|eve" })))).await;
        assert_eq!(code(claimed), Code::NotSignedIn);
        assert_eq!(current(&daemon).await, alice);
    }
}

#[tokio::test]
async fn a_token_from_elsewhere_makes_an_account() {
    let Some(provider) = Provider::start(&[]) else { return };
    let (one, other) = (daemon_of(provider.url(), ""), daemon_of(provider.url(), ""));
    sign_alice_in(&one).await;
    let good = token(&application(&one).await).await.unwrap();
    let client = other.client();
    let body =
        |token: &str| model(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3000 }));
    assert_eq!(
        code(client.authenticate_from_oauth_token(&anyone(), body("forged")).await),
        Code::NotSignedIn
    );
    let alice = client.authenticate_from_oauth_token(&anyone(), body(&good)).await.unwrap();
    assert_eq!(alice.email.as_deref(), Some("alice@example.test"));
    assert_eq!(token(&application(&other).await).await, Ok(good));
}
