//! A provider of another make, which wants the whole redirect address registered: nothing is made for one provider only.

use std::net::TcpListener;

use serde_json::json;
use usher_client::UserApi;

use super::*;
use crate::contract::until;

/// Who signs in there.
const ALICE_THERE: &str = "alice:pw-Alice-1";

/// A port nobody uses, as someone who registers an address picks one.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A daemon of this provider, with this one port for redirects.
fn daemon_at(url: &str, client: &str, port: u16) -> Daemon {
    Daemon::start_with(|data| {
        let folder = data.parent().unwrap().join("home/config/usher");
        std::fs::create_dir_all(&folder).unwrap();
        let issuer = format!(
            "[[issuer]]\nurl = \"{url}\"\nclient_id = \"{client}\"\nredirect_ports = [{port}]\n\
             scopes = [\"openid\", \"profile\", \"email\"]\n"
        );
        std::fs::write(folder.join("usher.toml"), format!("token_store = \"file\"\n{issuer}")).unwrap();
    })
}

#[tokio::test]
async fn a_whole_sign_in_over_a_fixed_port_and_a_refresh() {
    let port = free_port();
    let callback = format!("http://127.0.0.1:{port}/sign-in/callback");
    let Some(provider) = Provider::start_second(&callback) else { return };
    let mut daemon = daemon_at(provider.url(), provider.client(), port);
    let client = daemon.client();
    let declined = start(&client, "browser").await;
    browse(&person("authorize", url(&declined), ALICE_THERE, true).await).await;
    assert_eq!(outcome(&end(&client, &declined.id).await), ("cancelled", Some("declined")));
    let started = start(&client, "browser").await;
    let back = person("authorize", url(&started), ALICE_THERE, false).await;
    assert!(back.starts_with(&callback), "{back}");
    let page = browse(&back).await;
    assert!(page.body.contains("You are signed in"), "{page:?} {}", daemon.log());
    let user = client.user_snapshot(&anyone()).await.unwrap().user.clone().unwrap();
    assert_eq!((user.email.as_deref(), user.auth0), (Some("alice@example.test"), None));
    let first = application(&daemon).await.user_access_token(&anyone()).await.unwrap();

    let refused = start(&client, "device").await;
    assert_eq!(outcome(&refused), ("failed", Some("method_not_supported")));

    daemon.stop();
    let database = rusqlite::Connection::open(daemon.data_dir().join("usher.db")).unwrap();
    assert_eq!(database.execute("UPDATE sessions SET refresh_at = 1", []).unwrap(), 1);
    drop(database);
    daemon.start_again();
    let application = application(&daemon).await;
    let second = until(|| async {
        let token = application.user_access_token(&anyone()).await.unwrap();
        (token != first).then_some(token)
    })
    .await;
    let request = Raw::at(provider.url()).request("GET", "/oauth/userinfo").bearer_auth(second.expose());
    assert_eq!(Reply::to(request).await.json()["sub"], "alice");
}

#[tokio::test]
async fn a_port_that_another_program_has_is_named() {
    let Some(provider) = Provider::start(&[]) else { return };
    let other = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    let daemon = daemon_at(provider.url(), "usher", port);
    let client = daemon.client();
    let failed = start(&client, "browser").await;
    assert_eq!(outcome(&failed), ("failed", Some("redirect_port_taken")), "{failed:?}");
    assert!(json!(failed).to_string().contains(&port.to_string()), "{failed:?}");
    // The address is still of use to a person: he copies it from the browser that finds nobody, or somebody else, there.
    let pasted = start(&client, "paste").await;
    assert!(url(&pasted).contains(&format!("127.0.0.1%3A{port}")), "{pasted:?}");
}

#[tokio::test]
async fn a_provider_that_says_it_is_another_is_not_asked_further() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(&provider.url().replace("127.0.0.1", "localhost"), "");
    let failed = start(&daemon.client(), "browser").await;
    assert_eq!(outcome(&failed), ("failed", Some("issuer_mismatch")), "{failed:?}");
}
