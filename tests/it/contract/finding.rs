//! How clients find out that this is a daemon they can use: health and version.

use usher_client::UserApi;

use super::anyone;
use crate::{daemon::Daemon, raw::Raw};

#[tokio::test]
async fn health_and_version_are_bare_text() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    let status = daemon.client().status(&anyone()).await.unwrap();
    let health = raw.get("/.well-known/health").await;
    assert_eq!(health.body, format!("ok:{}", status.os.unwrap()));
    let version = raw.get("/.well-known/version").await;
    assert!(version.body.starts_with("12.") && version.body.split('.').count() == 3, "{version:?}");
    assert_eq!(version.header("usher-version"), Some(env!("CARGO_PKG_VERSION")));
    for reply in [health, version] {
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/plain")));
    }
    assert_eq!(raw.get("/.well-known/stream/health").await.body, "ok");
    assert_eq!(raw.socket("/.well-known/stream/health").await.text().await, "ok");
}
