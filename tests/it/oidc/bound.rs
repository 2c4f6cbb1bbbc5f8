//! Two people signed in with a provider: each caller gets the tokens of the account it is bound to, whoever is current.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use usher_client::{Code, UserApi};

use super::*;
use crate::contract::{code, select};

const BOB: &str = "auth0|bob";
/// Changes of who is current while tokens are asked for.
const SWITCHES: u64 = 200;

/// A daemon on which Alice and Bob are signed in, with tokens that name them, and their ids.
async fn with_two(provider: &Provider) -> (Daemon, [String; 2]) {
    let daemon = daemon_with_audience(provider.url());
    let mut ids = Vec::new();
    for login in [ALICE, BOB] {
        let client = daemon.client();
        let started = start(&client, "browser").await;
        browse(&person("authorize", url(&started), login, false).await).await;
        ids.push(end(&client, &started.id).await.user.expect("they sign in"));
    }
    (daemon, ids.try_into().unwrap())
}

/// Whose token it is, as it says itself.
fn subject(token: &str) -> String {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a JWT")).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims["sub"].as_str().unwrap().to_owned()
}

async fn token_of(client: &Client) -> String {
    subject(client.user_access_token(&anyone()).await.unwrap().expose())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_of_the_bound_account_while_switches_and_refreshes_run() {
    // With so short a life, each token that is asked for is another one.
    let Some(provider) = Provider::start(&[("JWT_AT", "1"), ("ACCESS_TTL", "30")]) else { return };
    let (daemon, ids) = with_two(&provider).await;
    let application = application(&daemon).await;
    let current = application.clone();
    let over = AtomicBool::new(false);
    let bound = |id: String, login: &'static str| {
        let (client, over) = (application.clone().as_account(id), &over);
        async move {
            let mut tokens = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(token_of(&client).await, login);
                tokens += 1;
            }
            tokens
        }
    };
    let unbound = async {
        while !over.load(Ordering::Relaxed) {
            let subject = token_of(&current).await;
            assert!([ALICE, BOB].contains(&subject.as_str()), "{subject}");
        }
    };
    let switches = async {
        let begin = current.user_snapshot(&anyone()).await.unwrap().version.generation;
        for nth in 0..SWITCHES {
            let id = &ids[usize::try_from(nth % 2).unwrap()];
            assert_eq!(&select(&current, json!({ "user_metadata": { "global_id": id } })).await.id, id);
        }
        let end = current.user_snapshot(&anyone()).await.unwrap().version.generation;
        assert_eq!(end, begin + SWITCHES);
        over.store(true, Ordering::Relaxed);
    };
    let [alice, bob] = ids.clone();
    let (alices, bobs, (), ()) = tokio::join!(bound(alice, ALICE), bound(bob, BOB), unbound, switches);
    assert!(alices > 3 && bobs > 3, "{alices} and {bobs} tokens are hardly a storm");
    // The record says whose token each was.
    let audit = application.audit_snapshot(&anyone()).await.unwrap();
    assert!(ids.iter().all(|id| audit.iterable.iter().any(|entry| entry.user.as_ref() == Some(id))));
}

#[tokio::test]
async fn a_bound_caller_signs_his_account_out_and_no_other() {
    let Some(provider) = Provider::start(&[("JWT_AT", "1")]) else { return };
    let (daemon, [alice, bob]) = with_two(&provider).await;
    let application = application(&daemon).await;
    let hers = application.clone().as_account("ALICE@example.test");
    let mut stream = Raw::new(&daemon).handshake("/user/stream", &[("usher-account", &alice)]).await.unwrap();
    assert_eq!(stream.json().await["id"], json!(alice));
    assert_eq!((token_of(&hers).await, token_of(&application).await), (ALICE.to_owned(), BOB.to_owned()));

    assert_eq!(hers.sign_out_of_os(&anyone()).await.unwrap().iterable.len(), 2, "the account stays");
    assert_eq!(stream.text().await, "", "signed out");
    assert_eq!(hers.user_snapshot(&anyone()).await.unwrap().user, None);
    let refused = hers.user_access_token(&anyone()).await.unwrap_err();
    assert_eq!(refused.code, Code::NotSignedIn);
    assert!(refused.message.contains("has ended"), "{refused}");
    assert_eq!(code(hers.entities_snapshot(&anyone()).await), Code::NotSignedIn);
    let told = daemon.cli(&["whoami", "--account", "alice"]);
    assert!(told.code == 1 && told.stderr.contains("`alice` is signed out"), "{told}");
    assert_eq!(Raw::new(&daemon).user().await["id"], json!(bob), "the other one is still current");
    assert_eq!(token_of(&application).await, BOB);

    assert_eq!(sign_alice_in(&daemon).await.user, Some(alice.clone()));
    assert_eq!(stream.json().await["id"], json!(alice), "back again");
    let his = application.as_account(&bob);
    assert_eq!((token_of(&hers).await, token_of(&his).await), (ALICE.to_owned(), BOB.to_owned()));
}
