//! `origins`: which web pages may call the daemon.

use usher_client::Client;
use usher_wire::{Caller, Origin, OriginDecision, UserApi};

use crate::print::{self, clean};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List the origins that were refused and wait for a decision, then those that are decided
    List,
    /// Let the pages of one origin call
    Allow {
        /// Scheme, host and port, like `http://localhost:8888` or `chrome-extension://<id>`
        origin: String,
    },
    /// Keep the pages of one origin out
    Deny {
        /// Scheme, host and port, like `http://localhost:8888` or `chrome-extension://<id>`
        origin: String,
    },
}

pub(crate) async fn origins(verb: Verb, json: bool) -> anyhow::Result<()> {
    let client = Client::find().await?;
    let (origin, allowed) = match verb {
        Verb::List => return list(&client, json).await,
        Verb::Allow { origin } => (origin, true),
        Verb::Deny { origin } => (origin, false),
    };
    let decided = client.decide_origin(&Caller::default(), OriginDecision { origin, allowed }).await?;
    if json { print::json(&decided) } else { print::table(&[row(&decided)]) }
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let origins = client.origins_snapshot(&Caller::default()).await?;
    if json {
        return print::json(&origins);
    }
    if origins.iterable.is_empty() {
        print::say("no web page has asked to call this daemon");
        return Ok(());
    }
    print::table(&origins.iterable.iter().map(row).collect::<Vec<_>>())
}

fn row(origin: &Origin) -> Vec<String> {
    vec![origin.verdict.as_str().to_lowercase(), clean(&origin.origin), origin.at.value.to_string()]
}
