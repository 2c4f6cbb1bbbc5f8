//! Each method to its good end, and who joins whom.

use serde_json::json;
use tokio::task::JoinHandle;
use usher_client::{Error, StreamExt, UserApi, UserProfile, wire::SignIn};

use super::*;
use crate::contract::until;
#[cfg(target_os = "linux")]
use crate::{daemon::Scratch, process::Process};

#[tokio::test]
async fn through_a_browser() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let started = start(&client, "browser").await;
    assert_eq!((outcome(&started), started.opened), (("waiting_for_browser", None), false));
    assert!(started.expires.is_some());
    let back = person("authorize", url(&started), ALICE, false).await;
    assert!(back.starts_with(&format!("{}/sign-in/callback?", daemon.url())), "{back}");
    let page = browse(&back).await;
    assert!(page.body.contains("You are signed in"), "{page:?}");
    assert_eq!(
        (page.header("cache-control"), page.header("referrer-policy")),
        (Some("no-store"), Some("no-referrer"))
    );

    let ended = end(&client, &started.id).await;
    assert_eq!((outcome(&ended), ended.url), (("done", None), None));
    let user = client.user_snapshot(&anyone()).await.unwrap().user.clone().unwrap();
    assert_eq!(ended.user.as_ref(), Some(&user.id));
    let shown = [&user.name, &user.email, &user.username].map(|member| member.as_deref().unwrap());
    assert_eq!(shown, ["Test alice", "alice@example.test", "alice"]);
    assert_eq!(user.auth0.as_ref().unwrap().global_id, user.id);
    let token = application(&daemon).await.user_access_token(&anyone()).await.unwrap();
    assert!(provider.accepts(token.expose()).await);
}

#[tokio::test]
async fn the_same_person_again_is_the_same_account() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let (first, second) = (sign_alice_in(&daemon).await, sign_alice_in(&daemon).await);
    assert_eq!(first.user, second.user);
    assert_ne!(first.id, second.id);
    let users = daemon.client().users_snapshot(&anyone()).await.unwrap();
    assert_eq!(users.iterable.len(), 1);
}

#[tokio::test]
async fn each_account_has_its_own_token() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let alice = sign_alice_in(&daemon).await.user.unwrap();
    let started = start(&client, "browser").await;
    browse(&person("authorize", url(&started), "auth0|bob", false).await).await;
    let bob = end(&client, &started.id).await.user.unwrap();
    let application = application(&daemon).await;
    for (id, subject) in [(&alice, ALICE), (&bob, "auth0|bob"), (&alice, ALICE)] {
        let selected =
            client.select_user(&anyone(), Some(model(json!({ "user_id": subject })))).await.unwrap();
        assert_eq!(selected.id, *id);
        let token = application.user_access_token(&anyone()).await.unwrap();
        let request = Raw::at(provider.url()).request("GET", "/userinfo").bearer_auth(token.expose());
        assert_eq!(Reply::to(request).await.json()["sub"], subject);
    }
}

#[tokio::test]
async fn with_a_code_on_another_device() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    // Nothing is asked for: without a display this is what suits the machine.
    let started = client.start_sign_in(&anyone(), model(json!({}))).await.unwrap();
    assert_eq!(outcome(&started), ("waiting_for_code", None), "{}", daemon.log());
    assert!(started.user_code.is_some() && started.url.is_some(), "{started:?}");
    person("device", started.url_with_code.as_deref().unwrap(), ALICE, false).await;
    assert_eq!(outcome(&end(&client, &started.id).await), ("done", None));
    let token = application(&daemon).await.user_access_token(&anyone()).await.unwrap();
    assert!(provider.accepts(token.expose()).await);
}

#[tokio::test]
async fn by_pasting_the_address() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let started = start(&client, "paste").await;
    let back = person("authorize", url(&started), ALICE, false).await;
    let redirect = json!({ "url": format!("  {back}\n") });
    client.paste_into_sign_in(&anyone(), &started.id, model(redirect)).await.unwrap();
    assert_eq!(outcome(&end(&client, &started.id).await), ("done", None));
}

#[tokio::test]
async fn everybody_who_asks_joins_the_one_that_runs() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let first = start(&client, "browser").await;
    let (second, third) = tokio::join!(start(&client, "browser"), start(&client, "paste"));
    assert_eq!([&second.id, &third.id], [&first.id; 2]);
    let waiting = wait_for_a_sign_in(&daemon).await;
    let streams = futures_util::future::join_all((0..3).map(|_| async {
        let states: Vec<SignIn> = client.stream_sign_in(&anyone(), &first.id).await.unwrap().collect().await;
        outcome(states.last().unwrap())
    }));
    let signing_in = async {
        let back = person("authorize", url(&first), ALICE, false).await;
        browse(&back).await
    };
    let (ends, page) = tokio::join!(streams, signing_in);
    assert!(page.body.contains("You are signed in"), "{page:?}");
    assert_eq!(ends, [("done", None); 3]);
    assert_eq!(waiting.await.unwrap().unwrap().name.as_deref(), Some("Test alice"));
}

#[tokio::test]
async fn another_method_takes_the_place_of_the_one_that_runs() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let first = start(&client, "browser").await;
    let second = start(&client, "device").await;
    assert_ne!(first.id, second.id);
    assert_eq!(outcome(&end(&client, &first.id).await), ("cancelled", Some("cancelled")));
    assert_eq!(outcome(&second), ("waiting_for_code", None));
}

#[tokio::test]
async fn the_one_call_of_old_clients_ends_with_the_reason() {
    let Some(provider) = Provider::start(&[]) else { return };
    let daemon = daemon_of(provider.url(), "");
    let client = daemon.client();
    let waiting = wait_for_a_sign_in(&daemon).await;
    // It joins whatever takes the place of what it started.
    let started = start(&client, "browser").await;
    browse(&person("authorize", url(&started), ALICE, true).await).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.code, usher_client::Code::UpstreamFailed, "{error}");
    assert!(error.message.contains("declined at the identity provider"), "{error}");
}

/// `POST /os/sign_in`, under way.
async fn wait_for_a_sign_in(daemon: &Daemon) -> JoinHandle<Result<UserProfile, Error>> {
    let client = daemon.client();
    let waiting = tokio::spawn(async move { client.sign_into_os(&anyone()).await });
    until(|| async { daemon.log().contains("somebody waits for a sign-in").then_some(()) }).await;
    waiting
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn where_there_is_a_display_the_browser_is_opened() {
    use std::os::unix::fs::PermissionsExt;

    let Some(provider) = Provider::start(&[]) else { return };
    let scratch = Scratch::new();
    configure(&scratch.data_dir(), provider.url(), "");
    let (folder, opened) = (scratch.home().join("bin"), scratch.home().join("opened"));
    std::fs::create_dir(&folder).unwrap();
    let browser = folder.join("xdg-open");
    std::fs::write(
        &browser,
        "#!/bin/sh\nprintf %s \"$1\" > \"$HOME/new\" && mv \"$HOME/new\" \"$HOME/opened\"\n",
    )
    .unwrap();
    std::fs::set_permissions(&browser, PermissionsExt::from_mode(0o700)).unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir"];
    let mut command = scratch.command("http://127.0.0.1:1", &arguments);
    command.arg(scratch.data_dir()).env("DISPLAY", ":9");
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let daemon = Process::start(&mut command);
    let client = Client::new(&daemon.url()).unwrap();
    let started = client.start_sign_in(&anyone(), model(json!({}))).await.unwrap();
    assert_eq!((started.method.as_str(), started.opened), ("browser", true));
    let shown = until(|| async { std::fs::read_to_string(&opened).ok() }).await;
    assert_eq!(shown, url(&started));
}
