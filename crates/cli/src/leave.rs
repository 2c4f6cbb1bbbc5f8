//! `export` and `delete`: everything the cloud keeps of the user, and the end of the account there.

use usher_client::Client;
use usher_wire::{Caller, Deletion, DeletionStateEnum, UserApi};

use crate::bound::{self, Bound};
use crate::failure::Failure;
use crate::print::{self, clean, who};

/// Arguments of `delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    /// Do it; without this, only say what would be done
    #[arg(long)]
    yes: bool,
    /// Say what became of an earlier request
    #[arg(long, conflicts_with = "yes")]
    receipt: Option<String>,
}

pub(crate) async fn export(bound: Option<&Bound>) -> anyhow::Result<()> {
    print::json(&bound::client(bound).await?.export_user(&Caller::default()).await?)
}

pub(crate) async fn delete(args: Delete, bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let caller = Caller::default();
    if let Some(receipt) = args.receipt {
        return told(&Client::find().await?.deletion_snapshot(&caller, &receipt).await?, json);
    }
    let client = bound::client(bound).await?;
    let present = client.user_snapshot(&caller).await?;
    let user = present.user.as_ref().ok_or_else(|| bound::signed_out(bound))?;
    if !args.yes {
        return Err(Failure::error(
            format!(
                "this would delete the account of {} at its cloud and sign every device out of it",
                who(user)
            ),
            "`usher export` prints what is kept there; `usher delete --yes` does it",
        ));
    }
    let deletion = client.delete_user(&caller).await?;
    print::say("signing in again before it is due keeps the account");
    told(&deletion, json)
}

fn told(deletion: &Deletion, json: bool) -> anyhow::Result<()> {
    if json {
        return print::json(deletion);
    }
    let (when, at) = match &deletion.ended {
        Some(ended) => ("ended", ended),
        None => ("due", &deletion.due),
    };
    let state = match deletion.state {
        DeletionStateEnum::Unknown => "of a newer kind than this program knows".to_owned(),
        state => state.as_str().to_lowercase(),
    };
    print::members([
        ("receipt", clean(&deletion.receipt)),
        ("state", state),
        (when, at.value.to_string()),
        ("scope", clean(&deletion.scope)),
    ])
}
