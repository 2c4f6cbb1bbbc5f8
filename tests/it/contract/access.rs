//! `POST /user/has_feature_access` over HTTP: the order of its checks and the shape of its answers. What a policy decides
//! is tested where it is decided.

use serde_json::{Value, json};
use usher_client::{Code, UserApi, wire::FeatureInput};

use super::{anyone, code, model, organisation, put_policy, sign_in, with_ada};
use crate::{daemon::Daemon, raw::Raw};

const PATH: &str = "/user/has_feature_access";
const MODELS: &str = "ALLOWED_CLOUD_MODELS";

fn model_context(name: &str) -> Value {
    json!({ "allowedCloudModels": { "modelUniqueName": name } })
}

#[tokio::test]
async fn signed_out_nothing_is_decided() {
    let daemon = Daemon::start();
    let raw = Raw::new(&daemon);
    assert_eq!(raw.post(PATH).await.outcome(), (401, Some("not_signed_in")), "before the body is looked at");
    for body in [json!({ "feature": "SENTRY" }), json!({ "feature": "UNKNOWN" }), json!({}), json!([])] {
        assert_eq!(raw.send(PATH, &body).await.outcome(), (401, Some("not_signed_in")), "{body}");
    }
}

#[tokio::test]
async fn inputs_that_cannot_be_judged() {
    let (daemon, _, _) = with_ada().await;
    let raw = Raw::new(&daemon);
    let bodies = ["", "{", "{}", r#"{"feature":7}"#, r#"{"feature":"ALLOWED_CLOUD_MODELS","context":7}"#];
    for body in bodies {
        let reply = raw.send_text(PATH, body).await;
        assert_eq!(reply.outcome(), (400, Some("invalid_body")), "{body}");
        assert_eq!(reply.json()["code"], "invalid_body", "the documented model: {body}");
    }
    for feature in ["UNKNOWN", "TELEPORT"] {
        let body = json!({ "feature": feature, "context": model_context("") });
        assert_eq!(raw.send(PATH, &body).await.outcome(), (404, Some("not_found")), "{feature}");
    }
    for (context, word) in [(json!({}), "missing_context"), (model_context(" "), "invalid_context")] {
        let reply = raw.send(PATH, &json!({ "feature": MODELS, "context": context })).await;
        assert_eq!(
            (reply.outcome(), reply.header("content-type")),
            ((400, Some("invalid_body")), Some("application/json"))
        );
        assert_eq!(reply.json()["code"], word);
        assert!(reply.json()["message"].is_string());
    }
    for (feature, expected) in [("SENTRY", "none"), ("EXTERNAL_PROVIDER_PROCESSING", "processing")] {
        let reply = raw.send(PATH, &json!({ "feature": feature, "context": model_context("gpt-5") })).await;
        assert_eq!(reply.status, 422);
        let told = reply.json();
        assert_eq!((&told["expectedContextType"], &told["feature"]), (&json!(expected), &json!(feature)));
    }
}

#[tokio::test]
async fn the_sdk_tells_the_models_of_a_refusal() {
    let (_daemon, client, _) = with_ada().await;
    let ask = async |input: Value| client.user_has_feature_access(&anyone(), model(input)).await.unwrap_err();
    let error = ask(json!({ "feature": MODELS, "context": {} })).await;
    assert_eq!(error.feature_input, Some(FeatureInput::Bad("missing_context")));
    let error = ask(json!({ "feature": "SENTRY", "context": model_context("x") })).await;
    assert_eq!(
        error.feature_input,
        Some(FeatureInput::ForeignContext { expected: "none", feature: "SENTRY" })
    );
    assert_eq!(code(Err::<(), _>(ask(json!({ "feature": "UNKNOWN" })).await)), Code::NotFound);
}

#[tokio::test]
async fn without_an_organisation_everything_is_allowed() {
    let (daemon, _, _) = with_ada().await;
    let reply =
        Raw::new(&daemon).send(PATH, &json!({ "feature": MODELS, "context": model_context("gpt-5") })).await;
    assert_eq!(reply.json(), json!({ "enabled": true, "canUse": true, "isEnterpriseUser": false }));
}

#[tokio::test]
async fn a_policy_decides_for_who_is_current_and_says_why() {
    let daemon = Daemon::start_with(|data| {
        let mut acme = organisation("acme", Some(&[]));
        acme["configuration"] = json!({ "externalProvider": { "allowedCloudModels": {
            "enabled": "ENABLED", "allowedModels": { "iterable": [{ "unique": "gpt-5" }] } } } });
        put_policy(data, "acme.json", &acme.to_string());
    });
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let ask = async |name: &str| {
        let decided =
            raw.send(PATH, &json!({ "feature": MODELS, "context": model_context(name) })).await.json();
        (decided["canUse"].as_bool().unwrap(), decided)
    };
    let ada = sign_in(&client, "Ada").await;
    assert!(ask("gpt-4").await.0, "not a member");
    client.user_associate_entity(&anyone(), &ada.id, "acme").await.unwrap();
    assert!(ask("gpt-5").await.0);
    let (can_use, denied) = ask("gpt-4").await;
    assert!(!can_use);
    assert_eq!((&denied["enabled"], &denied["isEnterpriseUser"]), (&json!(true), &json!(true)));
    assert!(denied["reason"].as_str().unwrap().starts_with("model_not_allowed"), "{denied}");
    assert_eq!(
        denied["decision"]["entity"],
        json!({ "id": "acme", "name": "Name of acme", "type": "ORGANIZATION" })
    );
    assert!(denied["decision"]["asOf"].is_string() && denied["decision"]["rule"].is_string(), "{denied}");
    sign_in(&client, "Grace").await;
    assert!(ask("gpt-4").await.0, "another account");
}
