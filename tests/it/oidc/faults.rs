//! What goes wrong on the way: each sign-in ends in a state with a name, in time, and nobody is signed in by it.

use std::time::{Duration, Instant};

use serde_json::json;
use usher_client::{Code, UserApi};

use super::*;

/// A sign-in in the browser, up to the address the browser is sent back to.
async fn sent_back(daemon: &Daemon) -> (SignIn, String) {
    let started = start(&daemon.client(), "browser").await;
    let back = person("authorize", url(&started), ALICE, false).await;
    (started, back)
}

async fn nobody_is_signed_in(daemon: &Daemon) {
    assert_eq!(Raw::new(daemon).user().await, Value::Null);
}

#[tokio::test]
async fn a_person_who_declines() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let started = start(&client, "browser").await;
    let page = browse(&person("authorize", url(&started), ALICE, true).await).await;
    assert!(page.body.contains("You are not signed in"), "{page:?}");
    assert_eq!(outcome(&end(&client, &started.id).await), ("cancelled", Some("declined")));
    let started = start(&client, "device").await;
    person("device", started.url_with_code.as_deref().unwrap(), ALICE, true).await;
    assert_eq!(outcome(&end(&client, &started.id).await), ("cancelled", Some("declined")));
    nobody_is_signed_in(&daemon).await;
}

#[tokio::test]
async fn a_redirect_that_is_used_or_foreign_changes_nothing() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let (started, back) = sent_back(&daemon).await;
    let state = format!("state={}.", started.id);
    for foreign in [
        back.replace(&state, &format!("{state}x")),
        back.replace(&state, "state=nobody."),
        back.replace("state=", "stat="),
        format!("{}/sign-in/callback", daemon.url()),
    ] {
        let page = browse(&foreign).await;
        assert!(page.status >= 400 && page.body.contains("Nothing was changed"), "{foreign} {page:?}");
    }
    let now = client.sign_in_snapshot(&anyone(), &started.id).await.unwrap();
    assert_eq!(outcome(&now), ("waiting_for_browser", None));
    nobody_is_signed_in(&daemon).await;
    // No picture and no script of another site may go there.
    let path = &back[daemon.url().len()..];
    for place in ["image", "iframe", "empty"] {
        let request = Raw::new(&daemon).request("GET", path).header("sec-fetch-site", "cross-site");
        assert_eq!(Reply::to(request.header("sec-fetch-dest", place)).await.status, 403, "{place}");
    }
    assert!(browse(&back).await.body.contains("You are signed in"));
    client.clear_user(&anyone()).await.unwrap();
    let again = browse(&back).await;
    assert_eq!(again.status, 409, "{again:?}");
    assert!(again.body.contains("Nothing was changed"), "{again:?}");
    nobody_is_signed_in(&daemon).await;
}

#[tokio::test]
async fn a_code_that_is_used() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let (_, used) = sent_back(&daemon).await;
    browse(&used).await;
    client.clear_user(&anyone()).await.unwrap();
    let (started, own) = sent_back(&daemon).await;
    let query = |url: &str, name: &str| {
        let pairs = url.split_once('?').unwrap().1.split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).unwrap().1.to_owned()
    };
    browse(&own.replace(&query(&own, "code"), &query(&used, "code"))).await;
    assert_eq!(outcome(&end(&client, &started.id).await), ("failed", Some("issuer_refused")));
    nobody_is_signed_in(&daemon).await;
}

#[tokio::test]
async fn a_provider_that_lies() {
    let Some(provider) = Provider::start_liar() else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    for (lies, word) in [
        (json!({ "token": { "nonce": "another" } }), Some("token_invalid")),
        (json!({ "token": { "aud": "another" } }), Some("token_invalid")),
        (json!({ "token": { "azp": "another" } }), Some("token_invalid")),
        (json!({ "token": { "sub": "" } }), Some("token_invalid")),
        (json!({ "userinfo": { "sub": "another" } }), Some("token_invalid")),
        (json!({ "token": { "iss": "https://id.example.org" } }), Some("issuer_mismatch")),
        (json!({ "redirect": { "iss": "https://id.example.org" } }), Some("issuer_mismatch")),
        (json!({ "token": { "exp": 1 } }), Some("clock_wrong")),
        (json!({ "redirect": { "error": "server_error" } }), Some("issuer_refused")),
        (json!({}), None),
    ] {
        provider.lie(lies.clone()).await;
        let (started, back) = sent_back(&daemon).await;
        browse(&back).await;
        let ended = end(&client, &started.id).await;
        assert_eq!(outcome(&ended).1, word, "{lies}: {ended:?}");
        if word.is_some() {
            nobody_is_signed_in(&daemon).await;
        }
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_out_of_order() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "issuer_within = 1");
    let client = daemon.client();
    for (fault, word) in
        [("500", "issuer_failed"), ("garbage", "issuer_failed"), ("hang", "issuer_unreachable")]
    {
        let (started, back) = sent_back(&daemon).await;
        provider.break_down(json!({ "/oauth/token": fault })).await;
        let begun = Instant::now();
        let page = browse(&back).await;
        assert!(page.body.contains("The sign-in failed"), "{fault}: {page:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{fault} took {:?}", begun.elapsed());
        assert_eq!(outcome(&end(&client, &started.id).await), ("failed", Some(word)), "{fault}");
        provider.break_down(json!({})).await;
    }
    nobody_is_signed_in(&daemon).await;
}

#[tokio::test]
async fn keys_that_change_between_two_sign_ins() {
    let Some(mut provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    assert_eq!(outcome(&sign_alice_in(&daemon).await), ("done", None));
    provider.start_again(&[]);
    assert_eq!(outcome(&sign_alice_in(&daemon).await), ("done", None));
}

#[tokio::test]
async fn a_network_that_goes_half_way_or_was_never_there() {
    let Some(mut provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "issuer_within = 2");
    let client = daemon.client();
    let (started, back) = sent_back(&daemon).await;
    provider.stop();
    browse(&back).await;
    assert_eq!(outcome(&end(&client, &started.id).await), ("failed", Some("issuer_unreachable")));
    let elsewhere = daemon_of("http://127.0.0.1:1", "");
    let failed = start(&elsewhere.client(), "browser").await;
    assert_eq!(outcome(&failed), ("failed", Some("issuer_unreachable")));
    nobody_is_signed_in(&daemon).await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    for settings in [&[("CLOCK", "600")][..], &[("CLOCK", "-600"), ("ID_TTL", "300")]] {
        let Some(provider) = Provider::start(settings) else { return };
        let daemon = daemon_of(provider.url(), "");
        let (started, back) = sent_back(&daemon).await;
        let page = browse(&back).await;
        assert!(page.body.contains("set the clock of this machine"), "{page:?}");
        assert_eq!(outcome(&end(&daemon.client(), &started.id).await), ("failed", Some("clock_wrong")));
        nobody_is_signed_in(&daemon).await;
    }
}

#[tokio::test]
async fn a_person_who_never_comes() {
    let Some(provider) = Provider::start(&[("DEVICE_TTL", "1")]) else { return };
    let daemon = daemon_of(provider.url(), "sign_in_within = 1");
    let client = daemon.client();
    for method in ["browser", "device", "paste"] {
        let started = start(&client, method).await;
        assert_eq!(outcome(&end(&client, &started.id).await), ("expired", Some("expired")), "{method}");
    }
}

#[tokio::test]
async fn a_daemon_that_is_started_again_in_the_middle() {
    let Some(provider) = Provider::start(&[]) else { return };
    let mut daemon = daemon_of(provider.url(), "");
    let (started, back) = sent_back(&daemon).await;
    daemon.stop();
    daemon.start_again();
    let page = browse(&back).await;
    assert!(page.status == 404 && page.body.contains("Start the sign-in again"), "{page:?}");
    let error = daemon.client().sign_in_snapshot(&anyone(), &started.id).await.unwrap_err();
    assert_eq!(error.code, Code::NotFound);
    nobody_is_signed_in(&daemon).await;
    assert_eq!(outcome(&sign_alice_in(&daemon).await), ("done", None));
}

#[tokio::test]
async fn a_machine_without_a_keyring_says_so_before_anybody_types_a_password() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "token_store = \"keyring\"");
    let failed = start(&daemon.client(), "browser").await;
    assert_eq!(outcome(&failed), ("failed", Some("keyring_unavailable")));
    assert!(failed.failure.as_ref().unwrap().next_step.contains("token_store = \"file\""), "{failed:?}");
    assert_eq!(failed.url, None);
    let files: Vec<_> =
        std::fs::read_dir(daemon.data_dir()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!files.iter().any(|file| file == "tokens.key"), "{files:?}");
}
