//! Devices in step with a cloud: real daemons, a real cloud, tokens of a real provider.

mod account;
mod again;
mod agree;
mod model;
mod offline;
mod reading;
mod relay;
mod standing;
mod terms;

use serde_json::{Value, json};
use usher_client::UserApi;

use crate::{
    cloud::node::{Node, Place},
    contract::{anyone, model, until},
    daemon::Daemon,
    oidc::{configure, provider::Provider},
    raw::{Raw, Reply},
};

/// A cloud, and the provider whose tokens it takes.
struct World {
    node: Node,
    provider: Provider,
}

impl World {
    /// `None` when the provider cannot be had and the tester allows that.
    fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with more in the configuration of the cloud.
    fn start_with(more: &str) -> Option<Self> {
        let provider = Provider::start_liar()?;
        let node = Node::start(Place::of_file(), provider.url(), more, &[]);
        Some(Self { node, provider })
    }

    async fn token(&self, subject: &str) -> String {
        self.provider.token(json!({ "sub": subject, "name": subject })).await
    }

    /// A device of this cloud on which this person is signed in.
    async fn device(&self, subject: &str) -> Daemon {
        self.device_behind(subject, self.node.url()).await
    }

    /// The same, where the cloud is at this address for it.
    async fn device_behind(&self, subject: &str, cloud: &str) -> Daemon {
        let cloud = format!("cloud = \"{cloud}\"\n");
        let daemon = Daemon::start_with(|data| configure(data, self.provider.url(), &cloud));
        self.sign_in(&daemon, subject).await;
        daemon
    }

    async fn sign_in(&self, daemon: &Daemon, subject: &str) -> String {
        let token =
            json!({ "access_token": self.token(subject).await, "token_type": "Bearer", "expires_in": 3600 });
        daemon.client().authenticate_from_oauth_token(&anyone(), model(token)).await.unwrap().id
    }

    /// The person as the cloud knows him.
    async fn at_cloud(&self, subject: &str) -> Value {
        let token = self.token(subject).await;
        self.node.get(&token, "/user").await.json()["user"].clone()
    }
}

/// Changes these members of the current user, who must take it at once.
async fn edit(daemon: &Daemon, members: Value) -> Value {
    let raw = Raw::new(daemon);
    let mut body = json!({ "id": raw.user().await["id"] });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let reply = raw.send("/user/update", &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// Waits until the current user of a device is like this.
async fn shows(daemon: &Daemon, is: impl Fn(&Value) -> bool) -> Value {
    until(async || Some(Raw::new(daemon).user().await).filter(|user| is(user))).await
}

/// What `GET /status` says of the cloud.
async fn standing(daemon: &Daemon) -> Value {
    Raw::new(daemon).get("/status").await.json()["cloud"].clone()
}

/// Waits until it says this.
async fn stands(daemon: &Daemon, member: &str, value: Value) -> Value {
    until(async || Some(standing(daemon).await).filter(|cloud| cloud[member] == value)).await
}

/// Asks a device to look at its cloud now, which resets its patience.
async fn refresh(daemon: &Daemon) -> Reply {
    Raw::new(daemon).get("/user/refresh").await
}
