//! `apps`: the applications that introduced themselves, and which of them may read tokens.

use usher_client::Client;
use usher_wire::{Applications, Caller, UserApi};

use crate::failure::Failure;
use crate::print::{self, clean};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Keep an application from reading tokens, also when it connects again
    Revoke {
        /// Its id, or its name if no other has it
        application: String,
    },
    /// Let an application that was revoked read tokens again
    Restore {
        /// Its id, or its name if no other has it
        application: String,
    },
}

pub(crate) async fn apps(verb: Option<Verb>, json: bool) -> anyhow::Result<()> {
    let (client, caller) = (Client::find().await?, Caller::default());
    let known = client.applications_snapshot(&caller).await?;
    let applications = match verb {
        None => known,
        Some(Verb::Revoke { application }) => {
            client.revoke_application(&caller, id_of(&known, &application)?).await?
        }
        Some(Verb::Restore { application }) => {
            client.restore_application(&caller, id_of(&known, &application)?).await?
        }
    };
    if json { print::json(&applications) } else { show(&applications) }
}

/// The application people mean by an id or a name.
fn id_of<'a>(known: &'a Applications, meant: &str) -> anyhow::Result<&'a str> {
    let by_id = known.iterable.iter().find(|application| application.id == meant);
    let mut named = known.iterable.iter().filter(|application| application.name == meant);
    match (by_id, named.next(), named.next()) {
        (Some(one), ..) | (None, Some(one), None) => Ok(&one.id),
        (None, None, _) => {
            Err(Failure::error(format!("no application `{}`", clean(meant)), "`usher apps` lists them"))
        }
        (None, Some(_), Some(_)) => Err(Failure::error(
            format!("several applications are named `{}`", clean(meant)),
            "name one by its id, `usher apps` lists them",
        )),
    }
}

fn show(applications: &Applications) -> anyhow::Result<()> {
    let rows = applications.iterable.iter().map(|application| {
        let name = match application.descriptor.as_deref() {
            Some(descriptor) if !descriptor.is_empty() => format!("{} ({descriptor})", application.name),
            _ => application.name.clone(),
        };
        let state = if application.revoked == Some(true) { "revoked" } else { "" };
        vec![clean(&name), clean(&application.version), clean(&application.id), state.to_owned()]
    });
    print::table(&rows.collect::<Vec<_>>())
}
