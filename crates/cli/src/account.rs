//! Who is signed in, and which accounts this device keeps: `login`, `logout`, `whoami`, `accounts` and `switch`.

use anyhow::Context;
use usher_client::Client;
use usher_wire::{
    Auth0User, Auth0UserMetadata, Caller, SignInMethodEnum, SignInRequest, UserApi, UserProfile, Users,
};

use crate::{
    failure::Failure,
    print::{self, clean, or_empty, who},
    sign_in::sign_in,
};

/// Arguments of `login`.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// Sign in with a code, in a browser of any other device
    #[arg(long, group = "method")]
    device: bool,
    /// Sign in in any browser and paste the address it ends on
    #[arg(long, group = "method")]
    paste: bool,
    /// The identity provider, by its name or URL; without it, the first one configured
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// Sign in to an account of this device, without an identity provider
    #[arg(long, conflicts_with_all = ["method", "issuer"])]
    local: bool,
    /// Display name of a new account
    #[arg(long, requires = "email", requires = "local")]
    name: Option<String>,
    /// E-mail of the account, made if there is none; without it, the account that was current last
    #[arg(long, requires = "local")]
    email: Option<String>,
}

/// Arguments of `switch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Switch {
    /// Id, e-mail, user name or display name of the account
    account: String,
}

pub(crate) async fn login(args: Login, json: bool) -> anyhow::Result<()> {
    let client = Client::find().await?;
    if !args.local {
        let method = match (args.device, args.paste) {
            (true, _) => Some(SignInMethodEnum::Device),
            (_, true) => Some(SignInMethodEnum::Paste),
            _ => None,
        };
        let user = sign_in(&client, SignInRequest { method, issuer: args.issuer }).await?;
        return told("signed in as", &user, json);
    }
    let Some(email) = args.email else { return login_again(&client, json).await };
    let user = Auth0User { name: args.name, email: Some(email), ..Auth0User::default() };
    let user = client.select_user(&Caller::default(), Some(user)).await.context("cannot sign in")?;
    told("signed in as", &user, json)
}

/// Signs in to the account that was current last.
async fn login_again(client: &Client, json: bool) -> anyhow::Result<()> {
    match client.select_user(&Caller::default(), None).await {
        Ok(user) => told("signed in as", &user, json),
        Err(error) if error.is_not_found() => Err(Failure::error(
            "there is no account on this device yet",
            "`usher login --local --name NAME --email EMAIL` makes one",
        )),
        Err(error) => Err(error).context("cannot sign in"),
    }
}

/// Says what became of the user; the profile is data.
fn told(what: &str, user: &UserProfile, json: bool) -> anyhow::Result<()> {
    print::say(format_args!("{what} {}", who(user)));
    if json { print::json(user) } else { Ok(()) }
}

pub(crate) async fn logout(json: bool) -> anyhow::Result<()> {
    let client = Client::find().await?;
    let present = client.user_snapshot(&Caller::default()).await?;
    let accounts = client.sign_out_of_os(&Caller::default()).await.context("cannot sign out")?;
    match &present.user {
        Some(user) => print::say(format_args!("signed out {}", who(user))),
        None => print::say("nobody was signed in"),
    }
    if json { print::json(&accounts) } else { Ok(()) }
}

pub(crate) async fn whoami(json: bool) -> anyhow::Result<()> {
    let present = Client::find().await?.user_snapshot(&Caller::default()).await?;
    if json {
        print::json(&present.user)?;
    }
    let user = present.user.as_ref().ok_or_else(Failure::not_signed_in)?;
    if json {
        return Ok(());
    }
    print::members([
        ("name", or_empty(user.name.as_deref())),
        ("email", or_empty(user.email.as_deref())),
        ("username", or_empty(user.username.as_deref())),
        ("id", clean(&user.id)),
    ])
}

pub(crate) async fn accounts(json: bool) -> anyhow::Result<()> {
    let client = Client::find().await?;
    let accounts = client.users_snapshot(&Caller::default()).await?;
    if json {
        return print::json(&accounts);
    }
    if accounts.iterable.is_empty() {
        print::say("there is no account on this device yet");
        return Ok(());
    }
    let present = client.user_snapshot(&Caller::default()).await?;
    let current = present.user.as_ref().map(|user| user.id.as_str());
    let rows: Vec<_> = accounts.iterable.iter().map(|user| row(user, current)).collect();
    print::table(&rows)
}

/// Marker, name, e-mail, user name, id.
fn row(user: &UserProfile, current: Option<&str>) -> Vec<String> {
    let marker = if current == Some(&user.id) { "*" } else { " " };
    let members = [&user.name, &user.email, &user.username].map(|member| or_empty(member.as_deref()));
    [marker.to_owned()].into_iter().chain(members).chain([clean(&user.id)]).collect()
}

pub(crate) async fn switch(args: Switch, json: bool) -> anyhow::Result<()> {
    let client = Client::find().await?;
    let accounts = client.users_snapshot(&Caller::default()).await?;
    let account = find(&accounts, &args.account)?;
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
