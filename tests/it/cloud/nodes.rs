//! Several nodes on one database: a change at one is on the streams of all, whatever happens to NATS and to nodes.

use std::time::Duration;

use serde_json::json;

use super::{
    nats::Cluster,
    node::{Node, Place},
    postgres::Postgres,
    profile, refused,
};
use crate::oidc::provider::Provider;

/// Three nodes on one PostgreSQL server, each with a NATS server of its own to begin with.
struct Cloud {
    nodes: Vec<Node>,
    cluster: Cluster,
    provider: Provider,
}

impl Cloud {
    fn start(look_every: u64) -> Option<Self> {
        let (provider, cluster) = (Provider::start_liar()?, Cluster::start()?);
        let place = Place::Server(Postgres::start()?);
        let node = |index: usize| {
            let (place, more) = (place.clone(), format!("look_every = {look_every}"));
            let (url, nats) = (provider.url().to_owned(), cluster.urls(index));
            // All at once, on a database without a schema.
            std::thread::spawn(move || Node::start(place, &url, &more, &["--nats", &nats]))
        };
        let starting: Vec<_> = (0..3).map(node).collect();
        let nodes = starting.into_iter().map(|node| node.join().unwrap()).collect();
        Some(Self { nodes, cluster, provider })
    }

    async fn token(&self, session: &str) -> String {
        self.provider.token(json!({ "sub": "ada", "name": "ada", "sid": session })).await
    }
}

#[tokio::test]
async fn a_change_at_one_node_is_on_the_streams_of_all() {
    // So seldom that looking does not help.
    let Some(mut cloud) = Cloud::start(3600) else { return };
    let token = cloud.token("laptop").await;
    let mut streams = Vec::new();
    for node in &cloud.nodes {
        let mut stream = node.stream(&token, "/user/stream").await.unwrap();
        assert_eq!(stream.json().await["name"], "ada");
        streams.push(stream);
    }
    for (index, name) in ["Countess", "Augusta", "Lady Byron"].into_iter().enumerate() {
        cloud.nodes[index].rename(&token, name).await;
        for stream in &mut streams {
            assert_eq!(stream.json().await["name"], name);
        }
    }
    // One server dies: whoever was connected to it goes to another one and misses nothing.
    cloud.cluster.kill(0);
    cloud.nodes[1].rename(&token, "Ada King").await;
    for stream in &mut streams {
        assert_eq!(stream.json().await["name"], "Ada King");
    }
    // So does a session that ends somewhere else.
    let phone = cloud.token("phone").await;
    assert_eq!(cloud.nodes[2].tell(&phone, "/sessions/sid:laptop/revoke").await.status, 200);
    for stream in &mut streams {
        assert_eq!(stream.next().await, None);
    }
    for node in &cloud.nodes {
        refused(&node.get(&token, "/user").await, 401, "not_signed_in");
    }
}

#[tokio::test]
async fn without_nats_changes_come_later_and_back_at_once() {
    let Some(mut cloud) = Cloud::start(2) else { return };
    let token = cloud.token("laptop").await;
    let mut stream = cloud.nodes[0].stream(&token, "/user/stream").await.unwrap();
    stream.json().await;
    for index in 0..3 {
        cloud.cluster.kill(index);
    }
    cloud.nodes[1].rename(&token, "Countess").await;
    assert_eq!(stream.json().await["name"], "Countess", "by looking");
    assert_eq!(profile(&cloud.nodes[2].get(&token, "/user").await)["user"]["name"], "Countess");
    for index in 0..3 {
        cloud.cluster.up(index);
    }
    for name in ["Augusta", "Lady Byron"] {
        cloud.nodes[1].rename(&token, name).await;
        assert_eq!(stream.json().await["name"], name);
    }
}

#[tokio::test]
async fn what_could_not_be_told_is_told_when_nats_is_back() {
    // So seldom that looking does not help.
    let Some(mut cloud) = Cloud::start(3600) else { return };
    let token = cloud.token("laptop").await;
    let mut stream = cloud.nodes[0].stream(&token, "/user/stream").await.unwrap();
    stream.json().await;
    for index in 0..3 {
        cloud.cluster.kill(index);
    }
    for number in 0..20 {
        let name = format!("Ada {number}");
        let rename = tokio::time::timeout(Duration::from_secs(5), cloud.nodes[1].rename(&token, &name));
        rename.await.expect("a change waits for no NATS");
    }
    assert!(stream.is_silent().await, "nobody told");
    for index in 0..3 {
        cloud.cluster.up(index);
    }
    while stream.json().await["name"] != "Ada 19" {}
}

#[tokio::test]
async fn a_rolling_restart_loses_no_change() {
    let Some(mut cloud) = Cloud::start(3600) else { return };
    let token = cloud.token("laptop").await;
    cloud.nodes[0].rename(&token, "0").await;
    for index in 0..3 {
        let other = (index + 1) % 3;
        let mut stream = cloud.nodes[index].stream(&token, "/user/stream").await.unwrap();
        stream.json().await;
        if index == 1 {
            cloud.nodes[index].kill()
        } else {
            cloud.nodes[index].stop()
        }
        assert_eq!(stream.next().await, None, "a reader hears that his node goes");
        let name = (index + 1).to_string();
        cloud.nodes[other].rename(&token, &name).await;
        cloud.nodes[index].start_again();
        let mut stream = cloud.nodes[index].stream(&token, "/user/stream").await.unwrap();
        assert_eq!(stream.json().await["name"], name, "and reads what he missed where it comes back");
        cloud.nodes[other].rename(&token, "next").await;
        assert_eq!(stream.json().await["name"], "next");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_nats_that_is_not_there() {
    let (Some(provider), Some(server)) = (Provider::start_liar(), Postgres::start()) else { return };
    let node = Node::start(Place::Server(server), provider.url(), "", &["--nats", "nats://127.0.0.1:9"]);
    let token = provider.token(json!({ "sub": "ada" })).await;
    let mut stream = node.stream(&token, "/user/stream").await.unwrap();
    stream.json().await;
    let rename = tokio::time::timeout(Duration::from_secs(10), node.rename(&token, "Countess"));
    rename.await.expect("a change waits for nobody");
    assert_eq!(stream.json().await["name"], "Countess");
}
