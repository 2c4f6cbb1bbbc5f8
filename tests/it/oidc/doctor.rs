//! What `usher doctor` finds out about signing in, each with the way to mend it, and nothing personal.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
};

use super::*;
use crate::{daemon::Answer, raw::PATIENCE};

/// What `doctor --json` says of one thing: whether it is well, and all in words.
fn finding(daemon: &Daemon, name: &str) -> (bool, String) {
    let answer = daemon.cli(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check =
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {answer}"));
    let is_well = check["ok"] == true;
    assert_eq!(check["fix"].is_null(), is_well, "what is wrong can be mended: {check}");
    (is_well, format!("{}: {}", check["found"], check["fix"]))
}

#[tokio::test]
async fn a_provider_that_answers_and_a_way_back_are_well_and_nothing_personal_is_told() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let alice = sign_alice_in(&daemon).await.user.unwrap();
    let token = application(&daemon).await.user_access_token(&anyone()).await.unwrap();
    let told: Vec<Answer> = [&["doctor"][..], &["doctor", "--json"]].map(|verb| daemon.cli(verb)).into();
    for answer in &told {
        assert_eq!(answer.code, 0, "{answer}");
        for personal in
            ["alice", "Alice", "example.test", &alice, token.expose(), daemon.data_dir().to_str().unwrap()]
        {
            assert!(!answer.to_string().contains(personal), "{personal} in {answer}");
        }
    }
    assert!(told[0].stdout.contains("its clock agrees with ours"), "{}", told[0]);
    assert!(told[0].stdout.contains("browsers that come back reach the daemon on 127.0.0.1:"), "{}", told[0]);
}

#[tokio::test]
async fn a_clock_that_is_off_is_named() {
    let Some(provider) = Provider::start(&[("CLOCK", "600")]) else { return };
    let (is_well, words) = finding(&daemon_of(provider.url(), ""), "issuer");
    assert!(!is_well && words.contains("behind that of http") && words.contains("NTP"), "{words}");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_named() {
    let (is_well, words) = finding(&daemon_of("http://127.0.0.1:1", ""), "issuer");
    assert!(!is_well && words.contains("cannot be reached") && words.contains("proxy"), "{words}");
}

#[tokio::test]
async fn a_certificate_nobody_trusts_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(&folder).stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let made =
        openssl("req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -subj /CN=127.0.0.1 -days 2");
    if !{ made }.stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return crate::steps::missing("this test needs openssl");
    }
    let mut serving = openssl("s_server -accept 127.0.0.1:0 -key key -cert certificate -www");
    let mut server = serving.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines
        .map(Result::unwrap)
        .find_map(|line| Some(line.strip_prefix("ACCEPT ")?.rsplit(':').next()?.to_owned()));
    let daemon = daemon_of(&format!("https://127.0.0.1:{}", port.unwrap()), "");
    let (is_well, words) = finding(&daemon, "issuer");
    drop(server.kill());
    drop(server.wait());
    assert!(!is_well && words.contains("certificate") && words.contains("root certificate"), "{words}");
}

#[tokio::test]
async fn a_way_back_that_is_blocked_is_named() {
    let Some(provider) = Provider::start(&[]) else { return };
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    let daemon = Daemon::start_with(|data| {
        configure(data, provider.url(), "");
        let file = data.parent().unwrap().join("home/config/usher/usher.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}redirect_ports = [{port}]\n")).unwrap();
    });
    let (is_well, words) = finding(&daemon, "callback");
    assert!(!is_well && words.contains("another program uses every port"), "{words}");
}

#[tokio::test]
async fn somebody_else_at_the_other_address_family_is_named() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let port: u16 = daemon.url().rsplit(':').next().unwrap().parse().unwrap();
    let Ok(other) = TcpListener::bind(("::1", port)) else {
        return crate::steps::missing("this test needs IPv6 on the loopback device");
    };
    let (is_well, words) = finding(&daemon, "callback");
    drop(other);
    assert!(!is_well && words.contains(&format!("another program answers on [::1]:{port}")), "{words}");
}

#[tokio::test]
async fn a_keyring_that_is_absent_is_named() {
    let Some(provider) = Provider::start(&[]) else { return };
    let begun = std::time::Instant::now();
    let (is_well, words) = finding(&daemon_of(provider.url(), "token_store = \"keyring\""), "keyring");
    assert!(!is_well && words.contains("token_store"), "{words}");
    assert!(begun.elapsed() < PATIENCE);
}
