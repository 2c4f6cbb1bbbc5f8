//! A provider that is gone for three days: nobody is signed out, and `GET /status` tells since when it has been so.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use usher_device::{Device, Identity, TokenStore};
use usher_domain::ambient::Ambient;
use usher_wire::{Caller, Code, SignInFailureEnum, Timestamp, UserApi};
use uuid::Uuid;

/// 2026-01-01.
const START: i64 = 1_767_225_600_000;
const HOUR: i64 = 60 * 60 * 1000;

/// A provider at this address: what it says about itself and Ada, and a new token for each that is asked for.
fn provide(listener: TcpListener) -> JoinHandle<()> {
    listener.set_nonblocking(true).unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move {
        for number in 1.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 8192];
            let read = stream.read(&mut head).await.unwrap();
            let line = String::from_utf8_lossy(&head[..read]).lines().next().unwrap_or_default().to_owned();
            let body = said(&at, &line, number).to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
}

fn said(at: &str, line: &str, number: u32) -> Value {
    match line.split(' ').nth(1).unwrap() {
        "/userinfo" => json!({ "sub": "ada", "email": "ada@example.org" }),
        "/token" => json!({
            "access_token": format!("access {number}"), "refresh_token": format!("refresh {number}"),
            "token_type": "Bearer", "expires_in": 3600
        }),
        _ => json!({
            "issuer": at, "authorization_endpoint": format!("{at}/authorize"), "jwks_uri": format!("{at}/keys"),
            "token_endpoint": format!("{at}/token"), "userinfo_endpoint": format!("{at}/userinfo")
        }),
    }
}

async fn bind(address: SocketAddr) -> TcpListener {
    // The one before is gone when its task is.
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return listener,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn somebody_without_his_provider_stays_himself() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let provider = provide(listener);
    let clock = Arc::new(AtomicI64::new(START));
    let (millis, ids, folder) = (Arc::clone(&clock), AtomicI64::new(1), tempfile::tempdir().unwrap());
    let ambient = Ambient::new(
        move || Timestamp::from_millis(millis.load(Ordering::Relaxed)).unwrap().instant(),
        move || Uuid::from_u128(u128::from(ids.fetch_add(1, Ordering::Relaxed).unsigned_abs())),
    );
    let settings = json!({ "url": format!("http://{address}"), "client_id": "usher" });
    let identity = Identity {
        issuers: vec![serde_json::from_value(settings).unwrap()],
        token_store: TokenStore::File,
        issuer_within: Duration::from_secs(5),
        ..Identity::default()
    };
    let device = Device::with_identity(folder.path(), ambient, identity);
    device.open().await.unwrap();
    let nobody = Caller::default();
    let seed = json!({ "application": { "name": "X", "platform": "LINUX", "version": "1" } });
    let context = device.connect(&nobody, serde_json::from_value(seed).unwrap()).await.unwrap();
    let caller = Caller { application: Some(context.application.id), ..Caller::default() };
    let token = json!({
        "access_token": "access", "refresh_token": "refresh", "token_type": "Bearer", "expires_in": 3600
    });
    let token = serde_json::from_value(token).unwrap();
    let ada = device.authenticate_from_oauth_token(&nobody, token).await.unwrap();

    provider.abort();
    drop(provider.await);
    let gone = START + 2 * HOUR;
    for hour in 2..=74 {
        clock.store(START + hour * HOUR, Ordering::Relaxed);
        let error = device.user_access_token(&caller).await.unwrap_err();
        assert_eq!(error.code, Code::UpstreamFailed, "{hour}: {error}");
        let user = device.user_snapshot(&nobody).await.unwrap().user.clone().unwrap();
        assert_eq!(user.id, ada.id, "{hour}");
        let session = device.status(&nobody).await.unwrap().session.unwrap();
        assert_eq!(session.problem.unwrap().code, SignInFailureEnum::IssuerUnreachable, "{hour}");
        assert_eq!(session.since.unwrap().value.as_millis(), gone, "{hour}");
    }

    let again = provide(bind(address).await);
    let token = device.user_access_token(&caller).await.unwrap();
    assert!(token.expose().starts_with("access "), "a new one");
    assert!(device.status(&nobody).await.unwrap().session.unwrap().problem.is_none());
    again.abort();
}
