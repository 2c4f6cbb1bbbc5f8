//! The code flow that a tool runs by itself: each part belongs to the one that began it, and nobody else gets anything.

use serde_json::json;
use usher_client::{
    Code, UserApi,
    wire::{ChallengedPKCE, PKCE, SeededPKCE},
};

use super::*;
use crate::contract::code;

/// What a tool asks for in the flow it began.
fn seed(begun: &ChallengedPKCE, more: Value) -> SeededPKCE {
    let mut seed = json!({
        "response_type": "code", "client_id": "usher", "code_challenge": begun.challenge,
        "code_challenge_method": begun.method, "state": begun.state.expose(), "nonce": begun.nonce.expose(),
        "scope": ["openid", "profile", "email", "offline_access"], "prompt": "UNKNOWN"
    });
    seed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    model(seed)
}

async fn begin(client: &Client) -> ChallengedPKCE {
    client.get_challenge(&anyone()).await.unwrap().challenge.unwrap()
}

/// What the tool exchanges.
fn exchange(begun: &ChallengedPKCE, asked: &PKCE, code: &str) -> Value {
    json!({
        "grant_type": "authorization_code", "client_id": "usher", "code": code,
        "code_verifier": begun.verifier.expose(), "redirect_uri": asked.seed.as_ref().unwrap().redirect_uri
    })
}

/// A form as the page of a provider sends it.
async fn form(daemon: &Daemon, members: &str, mode: &str) -> Reply {
    let request = Raw::new(daemon).request("POST", "/pkce/response/code").body(members.to_owned());
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("origin", "https://id.example.org").header("sec-fetch-site", "cross-site");
    let place = if mode == "navigate" { "document" } else { "empty" };
    Reply::to(request.header("sec-fetch-mode", mode).header("sec-fetch-dest", place)).await
}

#[tokio::test]
async fn a_tool_gets_the_tokens_of_the_flow_it_began() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let (client, application) = (daemon.client(), application(&daemon).await);
    let begun = begin(&client).await;
    let asked = client.generate_code(&anyone(), seed(&begun, json!({}))).await.unwrap();
    assert_eq!(asked.result, None);
    let page = person("authorize", asked.url.as_deref().unwrap(), ALICE, false).await;
    assert!(page.starts_with("You can go back"), "{page}");
    let result = client.generate_code(&anyone(), seed(&begun, json!({}))).await.unwrap().result.unwrap();
    let good = exchange(&begun, &asked, result.code.expose());
    assert_eq!(code(client.generate_token(&anyone(), model(good.clone())).await), Code::NotRegistered);
    for (member, value, expected) in [
        ("code_verifier", "another", Code::NotFound),
        ("code", "another", Code::InvalidValue),
        ("client_id", "another", Code::InvalidValue),
        ("redirect_uri", "http://127.0.0.1:1/", Code::InvalidValue),
        ("grant_type", "refresh_token", Code::InvalidValue),
    ] {
        let mut bad = good.clone();
        bad[member] = json!(value);
        assert_eq!(code(application.generate_token(&anyone(), model(bad)).await), expected, "{member}");
    }
    let granted = application.generate_token(&anyone(), model(good.clone())).await.unwrap();
    let tokens = granted.auth0.unwrap().o_auth.token.unwrap();
    assert!(tokens.refresh_token.is_some() && provider.accepts(tokens.access_token.expose()).await);
    assert_eq!(code(application.generate_token(&anyone(), model(good)).await), Code::NotFound, "once");
    let audit = daemon.client().audit_snapshot(&anyone()).await.unwrap();
    assert_eq!(audit.iterable[0].subject.as_deref(), Some("PKCE token"));
    assert_eq!(Raw::new(&daemon).user().await, Value::Null, "the tokens are the tool's");
}

#[tokio::test]
async fn what_belongs_to_no_flow_is_refused() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let begun = begin(&client).await;
    for (member, value, expected) in [
        ("state", "another", Code::NotFound),
        ("nonce", "another", Code::InvalidValue),
        ("code_challenge", "another", Code::InvalidValue),
        ("code_challenge_method", "plain", Code::InvalidValue),
        ("response_type", "token", Code::InvalidValue),
        ("client_id", "another", Code::InvalidValue),
        ("domain", "https://id.example.org", Code::InvalidValue),
    ] {
        let refused = client.generate_code(&anyone(), seed(&begun, json!({ (member): value }))).await;
        assert_eq!(code(refused), expected, "{member}");
    }
    client.clear_pkce(&anyone()).await.unwrap();
    assert_eq!(code(client.generate_code(&anyone(), seed(&begun, json!({}))).await), Code::NotFound);
}

#[tokio::test]
async fn a_form_of_another_site_needs_the_state() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let begun = begin(&client).await;
    client.generate_code(&anyone(), seed(&begun, json!({}))).await.unwrap();
    let issuer = provider.url().replace(':', "%3A").replace('/', "%2F");
    let own = format!("code=c&state={}&iss={issuer}", begun.state.expose());
    let foreign = form(&daemon, "code=c&state=guessed", "navigate").await;
    assert_eq!(foreign.status, 404, "{foreign:?}");
    for mode in ["cors", "no-cors"] {
        assert_eq!(form(&daemon, &own, mode).await.status, 403, "{mode}");
    }
    let path = Raw::new(&daemon).request("POST", "/pkce/token").body(own.clone());
    let path = path.header("origin", "https://id.example.org").header("sec-fetch-mode", "navigate");
    let path = path.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(Reply::to(path).await.status, 403);
    let told = |reply: &Reply| {
        let is_page = reply.header("content-type").unwrap().starts_with("text/html");
        assert!(is_page && !reply.body.contains(begun.state.expose()), "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), None);
    };
    let taken = form(&daemon, &own, "navigate").await;
    assert_eq!(taken.status, 200, "{taken:?}");
    told(&taken);
    let again = form(&daemon, &own, "navigate").await;
    assert_eq!(again.status, 409, "{again:?}");
    told(&again);
}

#[tokio::test]
async fn a_mixed_up_or_refused_answer_is_told_to_the_tool() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    for (answer, words) in [
        ("code=c&iss=https%3A%2F%2Fid.example.org", "another identity provider"),
        ("code=c", "another identity provider"),
        (&format!("error=access_denied&iss={}", provider.url()), "declined"),
    ] {
        let begun = begin(&client).await;
        client.generate_code(&anyone(), seed(&begun, json!({}))).await.unwrap();
        let sent = form(&daemon, &format!("{answer}&state={}", begun.state.expose()), "navigate").await;
        assert!(sent.status == 500 && sent.body.contains(words), "{answer}: {sent:?}");
        let told = client.generate_code(&anyone(), seed(&begun, json!({}))).await.unwrap_err();
        assert!(told.code == Code::UpstreamFailed && told.message.contains(words), "{answer}: {told}");
    }
}

#[tokio::test]
async fn a_token_with_another_nonce_goes_to_nobody() {
    let Some(provider) = Provider::start_liar() else { return };
    let daemon = daemon_of(provider.url(), "");
    let application = application(&daemon).await;
    for (lies, is_granted) in [(json!({ "token": { "nonce": "another" } }), false), (json!({}), true)] {
        provider.lie(lies).await;
        let begun = begin(&application).await;
        let own = json!({ "redirect_uri": "http://127.0.0.1:1/own" });
        let asked = application.generate_code(&anyone(), seed(&begun, own)).await.unwrap();
        let back = person("authorize", asked.url.as_deref().unwrap(), ALICE, false).await;
        let sent = back.split_once("code=").unwrap().1.split('&').next().unwrap();
        let granted = application.generate_token(&anyone(), model(exchange(&begun, &asked, sent))).await;
        assert_eq!(granted.is_ok(), is_granted, "{granted:?}");
    }
}
