//! Applications: who introduced itself to this device, and who may read tokens.

use std::ops::RangeInclusive;

use usher_domain::store::{Registered, Work};
use usher_wire::{
    Application, Applications, AuditActionEnum, Caller, Code, Context, EmbeddedModelSchema, Error, Health,
    OSHealth, PIECES_OS_VERSION, PlatformEnum, PrivacyEnum, Result, SeededConnectorConnection,
    SeededTrackedApplication,
};

use crate::Device;

/// Applications a device keeps; names are few, and a list must end somewhere.
const MOST: usize = 1000;

impl Device {
    /// Registers the application, or finds it again.
    pub(crate) async fn connect_application(
        &self,
        caller: &Caller,
        connection: SeededConnectorConnection,
    ) -> Result<Context> {
        let seed = connection.application;
        within("application.name", seed.name.trim(), 1..=200)?;
        within("application.version", &seed.version, 0..=200)?;
        within("application.descriptor", seed.descriptor.as_deref().unwrap_or_default(), 0..=1000)?;
        let user = self.present_to(caller).await?.user.clone();
        let (witness, new_id) = (self.witness(caller), self.0.ambient.uuid().to_string());
        let application = self
            .write(move |tx| -> Work<Application> {
                let name = seed.name.trim().to_owned();
                let descriptor = seed.descriptor.clone().unwrap_or_default();
                let registered = Registered { name: &name, descriptor: &descriptor };
                let known = tx.application_id(&registered)?;
                if known.is_none() && tx.applications()?.len() >= MOST {
                    let message =
                        "too many applications are registered on this device: connect under a known name";
                    return Err(Error::new(Code::TooManyRequests, message).into());
                }
                let is_new = known.is_none();
                let application = application(known.unwrap_or(new_id), name.clone(), seed);
                tx.put_application(&registered, &application)?;
                if is_new {
                    witness.record(tx, AuditActionEnum::ApplicationConnected, None, Some(&application.id))?;
                }
                // Read back: an application that was revoked is told so.
                Ok(Application {
                    revoked: tx.is_revoked(&application.id)?.filter(|is_revoked| *is_revoked),
                    ..application
                })
            })
            .await?;
        let os = self.opened()?.os.clone();
        Ok(Context {
            os: os.clone(),
            application,
            health: Health {
                os: OSHealth { id: os, version: PIECES_OS_VERSION.into(), schema: None },
                schema: None,
            },
            user,
            schema: None,
        })
    }

    /// The registered applications after this daemon itself, which old clients look for as `OS_SERVER`.
    pub(crate) async fn applications(&self) -> Result<Applications> {
        let daemon = Application {
            id: self.opened()?.os.clone(),
            name: "OS_SERVER".into(),
            platform: this_platform(),
            version: PIECES_OS_VERSION.into(),
            onboarded: true,
            privacy: PrivacyEnum::Open,
            capabilities: None,
            mechanism: None,
            automatic_unload: None,
            descriptor: None,
            enrichment: None,
            revoked: None,
            schema: Some(EmbeddedModelSchema::current()),
        };
        let registered = self.read(|tx| tx.applications()).await?;
        let iterable = std::iter::once(daemon).chain(registered).collect();
        Ok(Applications { iterable, ..Applications::default() })
    }

    /// Keeps an application from reading tokens, or takes that back; lists all.
    pub(crate) async fn set_revoked(
        &self,
        caller: &Caller,
        id: &str,
        is_revoked: bool,
    ) -> Result<Applications> {
        let witness = self.witness_of_a_person(caller)?;
        let (id, now) = (id.to_owned(), self.0.ambient.now());
        self.write(move |tx| {
            let was_revoked =
                tx.is_revoked(&id)?.ok_or_else(|| Error::not_found(format_args!("application `{id}`")))?;
            if was_revoked != is_revoked {
                tx.set_revoked(&id, is_revoked.then_some(now))?;
                let action = match is_revoked {
                    true => AuditActionEnum::ApplicationRevoked,
                    false => AuditActionEnum::ApplicationRestored,
                };
                witness.record(tx, action, None, Some(&id))?;
            }
            Ok(())
        })
        .await?;
        self.applications().await
    }

    /// Refuses callers that did not introduce themselves, were revoked, or are pages nobody approved: tokens go to
    /// applications with a name only.
    pub(crate) async fn require_registered(&self, caller: &Caller) -> Result<()> {
        if caller.page.as_ref().is_some_and(|page| !page.is_approved) {
            return Err(Error::new(
                Code::NotAllowed,
                "tokens are not for pages that nobody approved: run `usher origins allow ORIGIN`",
            ));
        }
        let stranger = || {
            Error::new(
                Code::NotRegistered,
                "this needs a registered application: call `POST /connect` and send its id as `X-Application-ID`",
            )
        };
        let id = caller.application.clone().ok_or_else(stranger)?;
        match self.read(move |tx| tx.is_revoked(&id)).await? {
            Some(false) => Ok(()),
            Some(true) => Err(Error::new(
                Code::NotAllowed,
                "this application was kept from reading tokens: `usher apps restore ID` takes that back",
            )),
            None => Err(stranger()),
        }
    }
}

fn within(path: &str, text: &str, length: RangeInclusive<usize>) -> Result<()> {
    if length.contains(&text.chars().count()) {
        return Ok(());
    }
    Err(Error::invalid_value(
        path,
        format_args!("must have {} to {} characters", length.start(), length.end()),
    ))
}

fn application(id: String, name: String, seed: SeededTrackedApplication) -> Application {
    Application {
        id,
        name,
        platform: seed.platform,
        version: seed.version,
        onboarded: true,
        privacy: seed.privacy.unwrap_or(PrivacyEnum::Open),
        capabilities: seed.capabilities,
        mechanism: None,
        automatic_unload: seed.automatic_unload,
        descriptor: seed.descriptor,
        enrichment: seed.enrichment,
        revoked: None,
        schema: Some(EmbeddedModelSchema::current()),
    }
}

fn this_platform() -> PlatformEnum {
    match std::env::consts::OS {
        "macos" => PlatformEnum::Macos,
        "windows" => PlatformEnum::Windows,
        _ => PlatformEnum::Linux,
    }
}
