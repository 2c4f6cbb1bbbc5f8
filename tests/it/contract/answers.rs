//! Operations that need a cloud, a billing service or an identity provider: their exact answers on a device without.

use serde_json::json;
use usher_client::{Caller, Code, UserApi};

use super::{anyone, code, model, wire, with_ada};
use crate::{
    daemon::Daemon,
    raw::{Raw, Reply},
};

const EXPECTED: [(&str, &str, u16, u16); 13] = [
    // method, path, signed out, signed in
    ("GET", "/user/refresh", 401, 200),
    ("GET", "/user/providers", 501, 501),
    ("GET", "/user/access_token", 401, 401),
    ("GET", "/user/paddle/refresh", 401, 200),
    ("POST", "/user/checkout", 401, 501),
    ("POST", "/user/manage/subscriptions", 401, 501),
    ("POST", "/user/update/vanity", 511, 511),
    ("GET", "/allocations", 401, 200),
    ("GET", "/allocation/x", 401, 404),
    ("POST", "/allocations/connect", 401, 511),
    ("POST", "/allocations/disconnect", 401, 511),
    ("GET", "/subscriptions", 401, 200),
    ("GET", "/subscription/x", 401, 404),
];

#[tokio::test]
async fn answers_without_a_cloud() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    for (method, path, signed_out, _) in EXPECTED {
        assert_eq!(
            Reply::to(raw.request(method, path)).await.status,
            signed_out,
            "{method} {path} signed out"
        );
    }
    raw.send("/user/select", &json!({ "name": "Ada" })).await;
    let etag = raw.etag().await;
    for (method, path, _, signed_in) in EXPECTED {
        let reply = Reply::to(raw.request(method, path)).await;
        assert_eq!(reply.status, signed_in, "{method} {path} signed in");
        let code = match signed_in {
            200 => None,
            401 => Some("not_registered"),
            404 => Some("not_found"),
            501 => Some("not_available_here"),
            _ => Some("not_connected"),
        };
        assert_eq!(reply.header("x-error-code"), code, "{method} {path}");
    }
    assert_eq!(raw.etag().await, etag, "nothing of this changes anything");
}

#[tokio::test]
async fn bodies_that_are_not_needed_are_still_read() {
    let (daemon, _, ada) = with_ada().await;
    let raw = Raw::new(&daemon);
    for path in ["/user/checkout", "/user/manage/subscriptions"] {
        let schema = json!({ "schema": { "migration": 0, "semantic": "MAJOR_0_MINOR_0_PATCH_1" } });
        assert_eq!(raw.send(path, &schema).await.status, 501, "{path}");
        assert_eq!(raw.send_text(path, "{").await.outcome(), (400, Some("invalid_body")), "{path}");
    }
    assert_eq!(raw.send("/user/update/vanity", &wire(&ada)).await.status, 511);
    assert_eq!(raw.send("/user/update/vanity", &json!({ "vanityname": 7 })).await.status, 400);
}

#[tokio::test]
async fn refreshing_a_local_account_answers_what_is_stored() {
    let (_daemon, client, ada) = with_ada().await;
    assert_eq!(client.refresh_user(&anyone()).await.unwrap(), ada);
    assert_eq!(client.user_paddle_refresh(&anyone()).await.unwrap().user, ada);
    assert_eq!(client.allocations_snapshot(&anyone()).await.unwrap().iterable, []);
    assert_eq!(client.subscriptions_snapshot(&anyone()).await.unwrap().iterable, []);
}

#[tokio::test]
async fn access_tokens_are_for_registered_applications() {
    let daemon = Daemon::start();
    let client = daemon.client();
    let connection =
        json!({ "application": { "name": "OPEN_SOURCE", "platform": "LINUX", "version": "5.0.1" } });
    let application = client.connect(&anyone(), model(connection)).await.unwrap().application.id;
    let os = client.status(&anyone()).await.unwrap().os.unwrap();
    let ask = async |application: Option<&str>| {
        let caller = Caller { application: application.map(str::to_owned), ..anyone() };
        code(client.user_access_token(&caller).await)
    };
    let strangers = [None, Some("stranger"), Some(os.as_str())];
    for stranger in strangers {
        assert_eq!(ask(stranger).await, Code::NotRegistered);
    }
    assert_eq!(ask(Some(&application)).await, Code::NotSignedIn);
    super::sign_in(&client, "Ada").await;
    for stranger in strangers {
        assert_eq!(ask(stranger).await, Code::NotRegistered);
    }
    assert_eq!(ask(Some(&application)).await, Code::NotAvailableHere, "a local account has none");
    for header in ["X-Application-ID", "application"] {
        let request = Raw::new(&daemon).request("GET", "/user/access_token").header(header, &application);
        assert_eq!(Reply::to(request).await.status, 501, "{header}");
    }
}
