//! `switch`: makes another account of this device the current one, or binds this folder to one.

use anyhow::Context;
use usher_client::Client;
use usher_wire::{Auth0User, Auth0UserMetadata, Caller, UserApi, UserProfile, Users};

use crate::{
    account::told,
    failure::Failure,
    folders,
    print::{self, clean, who},
};

/// Arguments of `switch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Switch {
    /// Id, e-mail, user name or display name of the account
    #[arg(required_unless_present = "forget")]
    account: Option<String>,
    /// Only bind this folder and what lies below it, for this command line; who is current stays
    #[arg(long)]
    here: bool,
    /// Take the binding of this folder back
    #[arg(long, requires = "here", conflicts_with = "account")]
    forget: bool,
}

pub(crate) async fn switch(args: Switch, json: bool) -> anyhow::Result<()> {
    let Some(wanted) = args.account else {
        let folder = folders::forget_here()?;
        print::say(format_args!("{} is bound to no account any more", clean(&folder.display().to_string())));
        return Ok(());
    };
    let client = Client::find().await?;
    let accounts = client.users_snapshot(&Caller::default()).await?;
    let account = find(&accounts, &wanted)?;
    if args.here {
        let folder = folders::bind_here(&account.id)?;
        return told(&format!("{} is bound to", clean(&folder.display().to_string())), account, json);
    }
    let metadata = serde_json::json!({ "global_id": account.id });
    let metadata: Auth0UserMetadata = serde_json::from_value(metadata).context("cannot name the account")?;
    let user = Auth0User { user_metadata: Some(metadata), ..Auth0User::default() };
    match client.select_user(&Caller::default(), Some(user)).await {
        Ok(user) => told("switched to", &user, json),
        Err(error) => Err(error).with_context(|| format!("cannot switch to {}", who(account))),
    }
}

/// The one account that `wanted` names: by id, else e-mail, else user name, else display name; case does not matter.
fn find<'a>(accounts: &'a Users, wanted: &str) -> anyhow::Result<&'a UserProfile> {
    let lower = wanted.trim().to_lowercase();
    let same = |member: Option<&String>| member.is_some_and(|member| member.to_lowercase() == lower);
    let members: [fn(&UserProfile) -> Option<&String>; 4] = [
        |user| Some(&user.id),
        |user| user.email.as_ref(),
        |user| user.username.as_ref(),
        |user| user.name.as_ref(),
    ];
    for member in members {
        match accounts.iterable.iter().filter(|user| same(member(user))).collect::<Vec<_>>().as_slice() {
            [] => {}
            [account] => return Ok(account),
            several => return Err(ambiguous(wanted, several)),
        }
    }
    Err(Failure::error(
        format!("no account of this device is called `{}`", clean(wanted)),
        "`usher accounts` lists them, `usher login --local --name NAME --email EMAIL` makes one",
    ))
}

fn ambiguous(wanted: &str, several: &[&UserProfile]) -> anyhow::Error {
    let list: String = several.iter().map(|user| format!("\n  {}  {}", clean(&user.id), who(user))).collect();
    Failure::error(
        format!("several accounts are called `{}`:{list}", clean(wanted)),
        "name one by its id or e-mail",
    )
}
