//! The compatibility shim: what official Pieces clients look for although it has nothing to do with accounts. Their
//! wrappers refuse to start without a list of models that holds two names, and open streams that have nothing to say
//! here. Nothing else of Usher depends on this module.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use usher_wire::{Model, ModelTypeEnum, ModelUsageEnum, Models, Timestamp};

use crate::error::Failure;
use crate::router::App;
use crate::routes::{Answer, ok};
use crate::stream::Upgrade;

/// Streams of other Pieces services: accepted, and silent.
const SILENT: [&str; 6] = [
    "/qgpt/stream",
    "/conversations/stream/identifiers",
    "/assets/stream/identifiers",
    "/anchors/stream/identifiers",
    "/ranges/stream/identifiers",
    "/workstream_pattern_engine/processors/vision/status/stream",
];

/// The two models without which the official wrappers and the CLI refuse to start. No model is served here.
#[utoipa::path(get, path = "/models", tag = "compatibility", operation_id = "models_snapshot",
    responses((status = 200, description = "two names", body = Models)))]
pub(crate) async fn models_snapshot() -> Answer {
    let created = Timestamp::from_millis(0).expect("1970 is within range");
    let model = |id: &str, name: &str, unique: &str| -> Model {
        Model {
            id: id.into(),
            name: name.into(),
            unique: Some(unique.into()),
            version: "1".into(),
            created: created.into(),
            cloud: true,
            r#type: ModelTypeEnum::Balanced,
            usage: ModelUsageEnum::CodeConversation,
            description: None,
            foundation: None,
            provider: None,
            parameters: None,
            quantization: None,
            max_tokens: None,
            capabilities: None,
            bytes: None,
            ram: None,
            cpu: None,
            custom: None,
            denied: None,
            downloaded: None,
            downloading: None,
            loaded: None,
            organization: None,
            score: None,
            schema: None,
        }
    };
    ok(Models {
        iterable: vec![
            model("00000000-0000-4000-8000-000000000001", "GPT-3.5-turbo Chat Model", "gpt-3.5-turbo"),
            model(
                "00000000-0000-4000-8000-000000000002",
                "Gemini 2.0 Flash Lite",
                "gemini-2.0-flash-lite-001",
            ),
        ],
        ..Models::default()
    })
}

/// Streams outside the API of this project, so outside its document.
pub(crate) fn router() -> Router<App> {
    SILENT.iter().fold(Router::new(), |router, path| router.route(path, get(silent)))
}

async fn silent(State(app): State<App>, upgrade: Option<Upgrade>) -> Answer {
    let upgrade = upgrade.ok_or_else(|| Failure::of_status(axum::http::StatusCode::UPGRADE_REQUIRED))?;
    upgrade.serve(stream::pending().boxed(), &app.streams)
}
