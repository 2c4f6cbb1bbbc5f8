//! `token`: a fresh access token of the signed-in user, for programs that can be given one.

use usher_wire::{Caller, PlatformEnum, SeededConnectorConnection, SeededTrackedApplication, UserApi};

use crate::bound::{self, Bound};
use crate::print;

/// The name under which the command line reads tokens.
const NAME: &str = "usher";

pub(crate) async fn token(bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let client = bound::client(bound).await?;
    let application = SeededTrackedApplication {
        name: NAME.into(),
        platform: this_platform(),
        version: env!("CARGO_PKG_VERSION").into(),
        descriptor: Some("command line".into()),
        capabilities: None,
        privacy: None,
        automatic_unload: None,
        enrichment: None,
        schema: None,
    };
    let connection = SeededConnectorConnection { application, schema: None };
    let context = client.connect(&Caller::default(), connection).await?;
    let client = client.with_application(context.application.id);
    let token = client.user_access_token(&Caller::default()).await?;
    if json {
        return print::json(&serde_json::json!({ "access_token": token }));
    }
    print::line(token.expose())
}

fn this_platform() -> PlatformEnum {
    match std::env::consts::OS {
        "macos" => PlatformEnum::Macos,
        "windows" => PlatformEnum::Windows,
        _ => PlatformEnum::Linux,
    }
}
