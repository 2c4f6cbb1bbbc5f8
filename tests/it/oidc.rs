//! Signing in with identity providers that are real: how each method ends, what every fault ends in, and that tokens are
//! in good hands.

mod bound;
mod cli;
mod custody;
mod doctor;
mod faults;
mod keyring;
mod page;
mod pkce;
pub(crate) mod provider;
mod second;
mod sign_in;

use std::path::Path;

use serde_json::{Value, json};
use usher_client::{Client, UserApi, wire::SignIn};

use crate::{
    contract::{anyone, model},
    daemon::Daemon,
    raw::{Raw, Reply},
};
use provider::{Provider, person};

/// Who signs in.
const ALICE: &str = "auth0|alice";

/// A daemon that knows this provider and keeps its key in a file. `more` is added to its configuration.
fn daemon_of(url: &str, more: &str) -> Daemon {
    Daemon::start_with(|data| configure(data, url, more))
}

/// The same for tokens of the API of this audience.
fn daemon_with_audience(url: &str) -> Daemon {
    Daemon::start_with(|data| {
        configure(data, url, "");
        let file = data.parent().unwrap().join("home/config/usher/usher.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}audience = \"https://api.example.test/\"\n")).unwrap();
    })
}

/// Writes the configuration of a daemon with this data directory.
pub(crate) fn configure(data: &Path, url: &str, more: &str) {
    let folder = data.parent().unwrap().join("home/config/usher");
    std::fs::create_dir_all(&folder).unwrap();
    let issuer =
        format!("[[issuer]]\nurl = \"{url}\"\nclient_id = \"usher\"\nname = \"Test\"\nkind = \"auth0\"\n");
    let store = if more.contains("token_store") { "" } else { "token_store = \"file\"\n" };
    std::fs::write(folder.join("usher.toml"), format!("{store}{more}\n{issuer}")).unwrap();
}

/// Starts a sign-in by this method.
async fn start(client: &Client, method: &str) -> SignIn {
    client.start_sign_in(&anyone(), model(json!({ "method": method }))).await.unwrap()
}

/// The address of a sign-in.
fn url(sign_in: &SignIn) -> &str {
    sign_in.url.as_deref().unwrap_or_else(|| panic!("there is an address: {sign_in:?}"))
}

/// The end of a sign-in.
async fn end(client: &Client, id: &str) -> SignIn {
    use usher_client::StreamExt;
    let states = client.stream_sign_in(&anyone(), id).await.unwrap();
    let states: Vec<SignIn> = states.collect().await;
    let last = states.last().expect("a state").clone();
    assert!(last.state.is_end(), "{states:?}");
    last
}

/// State and stable word of an end.
fn outcome(sign_in: &SignIn) -> (&'static str, Option<&'static str>) {
    (sign_in.state.as_str(), sign_in.failure.as_ref().map(|failure| failure.code.as_str()))
}

/// Opens an address as a browser does that was sent there by another site.
async fn browse(url: &str) -> Reply {
    let (origin, rest) = url.split_at(url[7..].find('/').unwrap() + 7);
    let request = Raw::at(origin).request("GET", rest);
    let request = request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate");
    Reply::to(request.header("sec-fetch-dest", "document")).await
}

/// Signs Alice in through a browser, all the way.
async fn sign_alice_in(daemon: &Daemon) -> SignIn {
    let client = daemon.client();
    let started = start(&client, "browser").await;
    let back = person("authorize", url(&started), ALICE, false).await;
    let page = browse(&back).await;
    assert!(page.body.contains("You are signed in"), "{page:?} {}", daemon.log());
    end(&client, &started.id).await
}

/// The SDK as a registered application.
async fn application(daemon: &Daemon) -> Client {
    let seed = json!({ "application": { "name": "Test", "platform": "LINUX", "version": "1" } });
    let context = daemon.client().connect(&anyone(), model(seed)).await.unwrap();
    daemon.client().with_application(context.application.id)
}

/// What `GET /status` says of the session.
async fn session(daemon: &Daemon) -> Value {
    Raw::new(daemon).get("/status").await.json()["session"].clone()
}
