//! The operations as tables: what each answers when nobody is signed in, and the method of the SDK that it is.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use usher_client::{Client, ProfileUpdate, Result, UserApi, wire::OriginDecision};

use crate::contract::{anyone, model, organisation};

/// What each operation answers on a fresh device. 401: nobody is signed in; 404: unknown ids; 403: not
/// through a device; 501: no service for it; 511: no cloud.
pub(super) const SIGNED_OUT: [(&str, u16); 64] = [
    ("user_snapshot", 200),
    ("clear_user", 204),
    ("refresh_user", 401),
    ("select_user", 404),
    ("stream_user", 200),
    ("update_user", 400),
    ("user_beta_status", 511),
    ("user_providers", 501),
    ("user_update_vanity", 511),
    ("user_access_token", 401),
    ("stream_user_last_checked_in", 200),
    ("user_checkout", 401),
    ("user_manage_subscriptions", 401),
    ("user_paddle_refresh", 401),
    ("user_has_feature_access", 401),
    ("user_associate_entity", 404),
    ("user_disassociate_entity", 404),
    ("entity_associate_user", 404),
    ("entity_disassociate_user", 404),
    ("users_snapshot", 200),
    ("users_specific_user_snapshot", 404),
    ("users_disconnect_user", 404),
    ("authenticate_from_oauth_token", 501),
    ("sign_into_os", 200),
    ("sign_out_of_os", 200),
    ("sessions_snapshot", 401),
    ("revoke_session", 401),
    ("export_user", 401),
    ("delete_user", 401),
    ("deletion_snapshot", 501),
    ("start_sign_in", 501),
    ("sign_in_snapshot", 404),
    ("stream_sign_in", 404),
    ("paste_into_sign_in", 404),
    ("cancel_sign_in", 404),
    ("delete_sign_in", 404),
    ("get_challenge", 501),
    ("generate_code", 501),
    ("respond_with_code", 404),
    ("generate_token", 401),
    ("clear_pkce", 204),
    ("connect", 200),
    ("applications_snapshot", 200),
    ("revoke_application", 404),
    ("restore_application", 404),
    ("origins_snapshot", 200),
    ("decide_origin", 200),
    ("audit_snapshot", 200),
    ("allocations_snapshot", 401),
    ("allocation_snapshot", 401),
    ("allocations_connect_new_cloud", 401),
    ("allocations_disconnect_cloud", 401),
    ("entities_snapshot", 401),
    ("entities_specific_entity_snapshot", 401),
    ("entities_create_new_entity", 403),
    ("entity_update", 403),
    ("entities_delete_specific_entity", 403),
    ("subscriptions_snapshot", 401),
    ("subscriptions_specific_subscription_snapshot", 401),
    ("status", 200),
    ("get_well_known_health", 200),
    ("get_well_known_version", 200),
    ("get_well_known_stream_health", 200),
    ("models_snapshot", 200),
];

/// The one operation whose answer waits for somebody to sign in.
pub(super) const WAITS: &str = "sign_into_os";

/// Operations the SDK has no method for. Only ever take some away.
pub(super) const NOT_IN_THE_SDK: [&str; 7] = [
    // The same as `user_associate_entity` and `user_disassociate_entity`.
    "entity_associate_user",
    "entity_disassociate_user",
    // The same as `cancel_sign_in`.
    "delete_sign_in",
    // `Client::find` asks the first, `UserApi::status` answers more than both.
    "get_well_known_health",
    "get_well_known_version",
    "get_well_known_stream_health",
    // For old clients only.
    "models_snapshot",
];

/// What `/pkce/code` is asked.
pub(super) fn pkce_seed() -> Value {
    json!({
        "response_type": "code", "client_id": "usher", "code_challenge": "c", "code_challenge_method": "S256",
        "state": "s", "nonce": "s", "scope": ["openid"]
    })
}

/// What `/pkce/token` is asked.
pub(super) fn pkce_code() -> Value {
    json!({
        "grant_type": "authorization_code", "client_id": "usher", "code": "c", "code_verifier": "v",
        "redirect_uri": "http://127.0.0.1/"
    })
}

/// A method of the SDK, called with what a caller would send.
pub(super) type Call = fn(Client) -> BoxFuture<'static, Result<()>>;

macro_rules! calls {
    ($($operation:ident($($input:expr),*)),+ $(,)?) => {
        vec![$((stringify!($operation), |client| {
            Box::pin(async move { client.$operation(&anyone() $(, $input)*).await.map(drop) })
        })),+]
    };
}

/// Every method of the SDK by the id of its operation.
pub(super) fn sdk() -> Vec<(&'static str, Call)> {
    calls![
        user_snapshot(),
        clear_user(),
        refresh_user(),
        select_user(None),
        stream_user(),
        update_user(ProfileUpdate::default()),
        user_beta_status(model(json!({ "user": "nobody" }))),
        user_providers(),
        user_update_vanity(ProfileUpdate::default()),
        user_access_token(),
        stream_user_last_checked_in(),
        user_checkout(),
        user_manage_subscriptions(),
        user_paddle_refresh(),
        user_has_feature_access(model(json!({ "feature": "SENTRY" }))),
        user_associate_entity("nobody", "nowhere"),
        user_disassociate_entity("nobody", "nowhere"),
        users_snapshot(),
        users_specific_user_snapshot("nobody"),
        users_disconnect_user("nobody"),
        authenticate_from_oauth_token(model(json!({
            "access_token": "t", "token_type": "Bearer", "expires_in": 60
        }))),
        sign_into_os(),
        sign_out_of_os(),
        sessions_snapshot(),
        revoke_session("nobody"),
        export_user(),
        delete_user(),
        deletion_snapshot("none"),
        start_sign_in(model(json!({}))),
        sign_in_snapshot("nobody"),
        stream_sign_in("nobody"),
        paste_into_sign_in("nobody", model(json!({ "url": "http://127.0.0.1/" }))),
        cancel_sign_in("nobody"),
        get_challenge(),
        generate_code(model(pkce_seed())),
        respond_with_code(model(json!({ "code": "c", "state": "s" }))),
        generate_token(model(pkce_code())),
        clear_pkce(),
        connect(model(json!({ "application": { "name": "X", "platform": "LINUX", "version": "1" } }))),
        applications_snapshot(),
        revoke_application("nobody"),
        restore_application("nobody"),
        origins_snapshot(),
        decide_origin(OriginDecision { origin: "http://localhost:1".into(), allowed: false }),
        audit_snapshot(),
        allocations_snapshot(),
        allocation_snapshot("x"),
        allocations_connect_new_cloud(),
        allocations_disconnect_cloud(),
        entities_snapshot(),
        entities_specific_entity_snapshot("nowhere"),
        entities_create_new_entity(model(json!({ "name": "Mine" }))),
        entity_update(model(organisation("nowhere", None))),
        entities_delete_specific_entity("nowhere"),
        subscriptions_snapshot(),
        subscriptions_specific_subscription_snapshot("x"),
        status(),
    ]
}
