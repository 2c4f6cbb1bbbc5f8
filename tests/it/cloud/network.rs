//! A cloud on the network: TLS, both versions of HTTP, limits, and what its operators see.

use std::{fs, time::Duration};

use reqwest::{Certificate, Version};
use serde_json::{Value, json};

use super::{
    World,
    node::{Node, Place},
    profile, refused,
};
use crate::{
    oidc::provider::Provider,
    raw::{PATIENCE, Raw, Reply},
};

/// A certificate for this machine and its key, in these files.
fn certify(folder: &std::path::Path) -> Certificate {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

fn client(trusted: Certificate) -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).tls_certs_only([trusted]).build().unwrap()
}

#[tokio::test]
async fn tls_speaks_both_versions_and_takes_a_new_certificate() {
    let Some(provider) = Provider::start_liar() else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let first = certify(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!("tls = {{ certificate = {:?}, key = {:?} }}", file("tls.crt"), file("tls.key"));
    let node = Node::start(Place::of_file(), provider.url(), &tls, &[]);
    assert!(node.url().starts_with("https://"), "{}", node.url());
    let token = provider.token(json!({ "sub": "ada", "name": "Ada" })).await;
    let user = format!("{}/user", node.url());
    let answer = client(first.clone()).get(&user).bearer_auth(&token).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    let old =
        reqwest::Client::builder().no_proxy().http1_only().tls_certs_only([first.clone()]).build().unwrap();
    let answer = old.get(&user).bearer_auth(&token).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_11));
    // In the clear nothing is answered.
    let plain = node.url().replacen("https", "http", 1);
    assert!(reqwest::Client::new().get(plain).send().await.is_err());

    let second = certify(folder.path());
    let renewed = async {
        while client(second.clone()).get(&user).bearer_auth(&token).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the new certificate is taken");
    assert!(client(first).get(&user).send().await.is_err(), "and the old one is gone");
    // One that cannot be used changes nothing.
    fs::write(folder.path().join("tls.crt"), "nonsense").unwrap();
    let refused = async {
        while !node.log().contains("the new certificate cannot be used") {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the log says so");
    assert_eq!(client(second).get(&user).bearer_auth(&token).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn one_person_and_one_address_are_limited_and_others_are_not() {
    let Some(provider) = Provider::start_liar() else { return };
    let more = "requests_per_person = 1\nrequests_per_address = 3\ntrusted_proxies = ['127.0.0.1/32']";
    let node = Node::start(Place::of_file(), provider.url(), more, &[]);
    let (ada, bob) =
        (provider.token(json!({ "sub": "ada" })).await, provider.token(json!({ "sub": "bob" })).await);
    let ask = async |token: &str, client: &str| {
        let request = Raw::at(node.url()).request("GET", "/user").bearer_auth(token);
        Reply::to(request.header("x-forwarded-for", client)).await
    };
    let mut let_in = 0;
    let reply = loop {
        let reply = ask(&ada, "203.0.113.1").await;
        if reply.status != 200 {
            break reply;
        }
        let_in += 1;
        assert!(let_in < 30, "one person asks as often as he likes");
    };
    refused(&reply, 429, "too_many_requests");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert!(let_in >= 10, "a burst is let in: {let_in}");
    assert_eq!(ask(&bob, "203.0.113.1").await.status, 200, "another person");
    let health = async |client: &str| {
        let request = Raw::at(node.url()).request("GET", "/.well-known/health");
        Reply::to(request.header("x-forwarded-for", client)).await.status
    };
    let mut asked = 0;
    while health("203.0.113.1").await == 200 {
        asked += 1;
        assert!(asked < 100, "one address asks as often as it likes");
    }
    assert_eq!(health("203.0.113.1").await, 429);
    assert_eq!(health("203.0.113.2").await, 200, "another address");
}

#[tokio::test]
async fn operators_see_numbers_lines_and_whether_it_is_ready() {
    let Some(provider) = Provider::start_liar() else { return };
    let Some(server) = super::postgres::Postgres::start() else { return };
    let arguments = ["--watch", "127.0.0.1:0", "--log", "json"];
    let node = Node::start(Place::Server(server.clone()), provider.url(), "", &arguments);
    let lines = || node.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let place = lines().iter().find_map(|line| {
        let (_, address) = line["message"].as_str()?.split_once("http://")?;
        address.strip_suffix("/metrics").map(|address| format!("http://{address}"))
    });
    let watch = Raw::at(&place.expect("the log says where"));
    let token = provider.token(json!({ "sub": "ada" })).await;
    let id = profile(&node.get(&token, "/user").await)["user"]["id"].as_str().unwrap().to_owned();
    profile(&node.get(&token, &format!("/users/{id}")).await);
    let _stream = node.stream(&token, "/user/stream").await.unwrap();
    assert_eq!((watch.get("/ready").await.status, watch.get("/health").await.status), (200, 200));
    let numbers = watch.get("/metrics").await.body;
    for line in [
        "usher_requests_total{method=\"GET\",route=\"/users/{user}\",status=\"200\"} 1",
        "usher_request_seconds_bucket{",
        "usher_store_seconds_bucket{",
        "usher_streams 1",
    ] {
        assert!(numbers.contains(line), "{line} is not in\n{numbers}");
    }
    assert!(!numbers.contains(&id), "ids are no labels");
    assert_eq!(profile(&Raw::at(node.url()).get("/status").await)["ready"], true);
    let log = lines();
    let request = log.iter().find(|line| line["route"] == "/users/{user}").expect("a line for each request");
    assert_eq!((&request["status"], &request["method"]), (&json!(200), &json!("GET")));
    assert!(request["id"].is_string() && request["micros"].is_u64());
    assert!(!node.log().contains(&token) && !node.log().contains(&id));
    server.kill();
    assert_eq!(watch.get("/ready").await.outcome(), (503, Some("not_ready")));
    assert_eq!(watch.get("/health").await.status, 200, "it lives, and waits for its database");
    assert_eq!(profile(&Raw::at(node.url()).get("/status").await)["ready"], false, "for a load balancer");
    let numbers = watch.get("/metrics").await.body;
    assert!(!numbers.contains("route=\"none\""), "who looks at a node is no client of it\n{numbers}");
    // A page of somebody else is no operator, and clients find nothing of it where they are served.
    refused(&node.get(&token, "/metrics").await, 404, "not_found");
}

#[tokio::test]
async fn pages_call_with_a_token_from_wherever_they_are() {
    let Some(world) = World::start(super::Database::Sqlite, "") else { return };
    let token = world.token("ada").await;
    let request = |method: &str| {
        let request = Raw::at(world.node.url()).request(method, "/user");
        request.header("origin", "https://app.example.org").header("sec-fetch-site", "cross-site")
    };
    let preflight = request("OPTIONS").header("access-control-request-method", "GET");
    let preflight = Reply::to(preflight.header("access-control-request-headers", "authorization")).await;
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://app.example.org"));
    let reply = Reply::to(request("GET").bearer_auth(&token)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-credentials"), None, "cookies are never looked at");
    refused(&Reply::to(request("GET")).await, 401, "not_signed_in");
}
