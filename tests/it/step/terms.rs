//! On which terms a cloud and a device talk: tokens that end, certificates, and versions.

use std::time::Duration;

use serde_json::{Value, json};
use usher_client::UserApi;

use super::{World, relay::Relay, shows, standing, stands};
use crate::{
    cloud::node::{Node, Place},
    contract::{anyone, model, until},
    daemon::Daemon,
    oidc::{configure, provider::Provider},
    raw::Raw,
};

#[tokio::test]
async fn a_token_that_ends_is_followed_by_another_and_nobody_here_is_told() {
    let Some(world) = World::start() else { return };
    let relay = Relay::to(world.node.url()).await;
    let ada = json!({ "sub": "ada", "name": "ada" });
    world.provider.lie(json!({ "token": ada, "ttl": 3 })).await;
    let laptop = Daemon::start_with(|data| {
        configure(data, world.provider.url(), &format!("cloud = \"{}\"\n", relay.url()));
    });
    let token = json!({
        "access_token": world.token("ada").await, "refresh_token": "r", "token_type": "Bearer", "expires_in": 3,
    });
    laptop.client().authenticate_from_oauth_token(&anyone(), model(token)).await.unwrap();
    stands(&laptop, "connectivity", json!("CONNECTED")).await;
    let mut local = Raw::new(&laptop).socket("/user/stream").await;
    assert_eq!(local.json().await["name"], "ada");
    let streams = || relay.exchanges("GET /user/stream");
    let begun = streams().len();
    until(async || Some(()).filter(|()| streams().len() >= begun + 3)).await;
    let mut tokens = std::collections::BTreeSet::new();
    for stream in &streams()[begun..] {
        assert!(stream.asked.contains("since="), "{stream:?}");
        let token = stream.asked.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
        assert!(tokens.insert(token.unwrap().to_owned()), "each comes with another token: {stream:?}");
    }
    let cloud = standing(&laptop).await;
    assert_eq!((&cloud["connectivity"], &cloud["reason"]), (&json!("CONNECTED"), &Value::Null), "{cloud}");
    assert!(local.is_silent().await, "who follows here is not told of tokens");
    world.node.rename(&world.token("ada").await, "Countess").await;
    assert_eq!(local.json().await["name"], "Countess", "it follows all the while");
    // Without a provider there is no other token: the person stays all the same.
    world.provider.lie(json!({ "broken": true })).await;
    assert!(stands(&laptop, "connectivity", json!("OFFLINE")).await["message"].is_string());
    assert!(local.is_silent().await);
    assert_eq!(Raw::new(&laptop).user().await["name"], "Countess");
}

/// A cloud with a certificate of this kind, the file it is in, and what its device says of it.
async fn over_tls(is_trusted: bool, is_valid: bool) -> Option<(World, Daemon)> {
    let provider = Provider::start_liar()?;
    let folder = tempfile::TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    if !is_valid {
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    std::fs::write(file("tls.key"), key.serialize_pem()).unwrap();
    std::fs::write(file("tls.crt"), certificate.pem()).unwrap();
    let tls = format!("tls = {{ certificate = {:?}, key = {:?} }}", file("tls.crt"), file("tls.key"));
    let node = Node::start(Place::of_file(), provider.url(), &tls, &[]);
    // The system's trust, which the daemon reads when it first needs it.
    let other = rcgen::generate_simple_self_signed(["elsewhere.example.org".to_owned()]).unwrap();
    std::fs::write(file("other.crt"), other.cert.pem()).unwrap();
    let trusted = file(if is_trusted { "tls.crt" } else { "other.crt" });
    let cloud = format!("cloud = \"{}\"\n", node.url());
    let laptop = Daemon::start_as(&[("SSL_CERT_FILE", &trusted), ("SSL_CERT_DIR", &file("none"))], |data| {
        configure(data, provider.url(), &cloud);
    });
    let world = World { node, provider };
    world.sign_in(&laptop, "ada").await;
    until(async || Some(standing(&laptop).await).filter(|cloud| cloud["since"].is_object())).await;
    Some((world, laptop))
}

#[tokio::test]
async fn a_certificate_the_device_trusts_keeps_them_in_step() {
    let Some((world, laptop)) = over_tls(true, true).await else { return };
    let cloud = stands(&laptop, "connectivity", json!("CONNECTED")).await;
    assert_eq!(cloud["url"], world.node.url());
    assert!(world.node.url().starts_with("https://"));
    super::edit(&laptop, json!({ "name": "Countess" })).await;
    stands(&laptop, "pendingEdits", json!(0)).await;
    shows(&laptop, |user| user["name"] == "Countess").await;
    assert_eq!(Raw::new(&laptop).get("/sessions").await.status, 200);
}

#[tokio::test]
async fn a_certificate_the_device_does_not_trust_is_said() {
    for (is_trusted, is_valid, reason, word) in
        [(false, true, "TLS", "certificate"), (true, false, "CLOCK", "expired")]
    {
        let Some((_world, laptop)) = over_tls(is_trusted, is_valid).await else { return };
        let cloud = stands(&laptop, "connectivity", json!("OFFLINE")).await;
        assert_eq!(cloud["reason"], reason, "{cloud}");
        let message = cloud["message"].as_str().unwrap().to_lowercase();
        assert!(message.contains(word), "{cloud}");
        assert_eq!(Raw::new(&laptop).user().await["name"], "ada");
        let answer = Raw::new(&laptop).get("/user/refresh").await;
        assert_eq!(answer.outcome(), (500, Some("unreachable")));
    }
}

#[tokio::test]
async fn a_device_that_is_too_old_for_its_cloud_says_so() {
    for (wanted, is_required) in [("99.0", true), ("0.0.1", false)] {
        let Some(world) = World::start_with(&format!("minimum_version = \"{wanted}\"")) else { return };
        let laptop = world.device("ada").await;
        let cloud = stands(&laptop, "connectivity", json!("CONNECTED")).await;
        assert_eq!(cloud["updateRequired"], is_required, "{cloud}");
        let mut check_ins = Raw::new(&laptop).socket("/user/last_checked_in/stream").await;
        assert_eq!(check_ins.json().await["updateRequired"], is_required);
        // It goes on as far as it can.
        world.node.rename(&world.token("ada").await, "Countess").await;
        shows(&laptop, |user| user["name"] == "Countess").await;
        let told = tokio::time::timeout(Duration::from_secs(20), check_ins.json()).await.unwrap();
        assert_eq!(told["updateRequired"], is_required, "{told}");
    }
}
