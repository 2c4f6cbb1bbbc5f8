//! Signing in from the page `/` of a daemon with a provider, as a browser without scripts does it.

use serde_json::json;

use super::*;
use crate::page::{notice, page, submit};

/// The sign-in that runs, by the form that would cancel it.
fn running(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"sign_in\" value=\"").expect("a sign-in runs");
    rest.split_once('"').unwrap().0
}

/// Where the link of the sign-in leads.
fn leads(page: &str) -> String {
    let (_, rest) = page.split_once("id=\"continue\" href=\"").expect("there is a link");
    rest.split_once('"').unwrap().0.replace("&amp;", "&")
}

#[tokio::test]
async fn by_forms_and_links_alone() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let url = daemon.url();
    let start = page(url);
    assert!(start.contains("Sign in with <bdi>Test</bdi>") && !start.contains("/page/local"), "{start}");

    let waiting = submit(url, "/page/sign-in", &[("issuer", provider.url()), ("method", "browser")]);
    assert!(waiting.contains("Waiting for you to sign in at <bdi>Test</bdi>"), "{waiting}");
    assert!(!waiting.contains("/page/sign-in\""), "one runs: {waiting}");
    let back = person("authorize", &leads(&waiting), ALICE, false).await;
    let foreign = submit(url, "/page/paste", &[("sign_in", running(&waiting)), ("url", "http://x/?code=1")]);
    assert!(notice(&foreign).contains("does not belong to this sign-in"), "{foreign}");
    assert!(!foreign.contains("code=1"), "what was pasted is a secret: {foreign}");
    submit(url, "/page/paste", &[("sign_in", running(&waiting)), ("url", &back)]);
    end(&daemon.client(), running(&waiting)).await;
    let done = page(url);
    assert!(done.contains("<bdi>Test alice</bdi> is signed in") && done.contains("Connected to"), "{done}");
    assert!(!done.contains("img.example.test"), "no picture of another site: {done}");

    let coded = submit(url, "/page/sign-in", &[("issuer", "Test"), ("method", "device")]);
    let sign_in = daemon.client().sign_in_snapshot(&anyone(), running(&coded)).await.unwrap();
    assert!(coded.contains(sign_in.user_code.as_deref().unwrap()), "{coded}");
    assert_eq!(leads(&coded), sign_in.url_with_code.unwrap());
    let cancelled = submit(url, "/page/cancel", &[("sign_in", running(&coded))]);
    assert!(
        cancelled.contains("The sign-in was cancelled") && !cancelled.contains("name=\"sign_in\""),
        "{cancelled}"
    );
    let refused = submit(url, "/page/sign-in", &[("issuer", "Test"), ("method", "magic")]);
    assert!(notice(&refused).contains("must be <code>browser</code>"), "{refused}");
    let stranger = submit(url, "/page/local", &[("name", "Eve"), ("email", "eve@example.org")]);
    assert!(notice(&stranger).contains("no account of this device is called so"), "{stranger}");
}

#[tokio::test]
async fn a_connection_that_fails_is_told_with_its_reason_and_since_when() {
    let Some(provider) = Provider::start(&[("ACCESS_TTL", "30")]) else { return };
    let daemon = daemon_of(provider.url(), "");
    sign_alice_in(&daemon).await;
    let application = application(&daemon).await;
    provider.break_down(json!({ "/oauth/token": "500" })).await;
    application.user_access_token(&anyone()).await.unwrap_err();
    let session = session(&daemon).await;
    let since = session["since"]["value"].as_str().unwrap();
    let told = page(daemon.url());
    let place = format!("Since <time datetime=\"{since}\">{} UTC</time>", since[..16].replace('T', " "));
    for part in
        ["Not connected", session["problem"]["message"].as_str().unwrap(), &place, "You stay signed in"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    provider.break_down(json!({})).await;
    application.user_access_token(&anyone()).await.unwrap();
    let told = page(daemon.url());
    assert!(told.contains("Connected to") && !told.contains("Not connected"), "{told}");
}
