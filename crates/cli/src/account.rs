//! Who is signed in, and which accounts this device keeps: `login`, `logout`, `whoami` and `accounts`.

use anyhow::Context;
use usher_client::Client;
use usher_wire::{Auth0User, Caller, Code, SignInMethodEnum, SignInRequest, UserApi, UserProfile};

use crate::{
    bound::{self, Bound},
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
pub(crate) fn told(what: &str, user: &UserProfile, json: bool) -> anyhow::Result<()> {
    print::say(format_args!("{what} {}", who(user)));
    if json { print::json(user) } else { Ok(()) }
}

pub(crate) async fn logout(bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let client = bound::client(bound).await?;
    let present = client.user_snapshot(&Caller::default()).await?;
    let accounts = client.sign_out_of_os(&Caller::default()).await.context("cannot sign out")?;
    match &present.user {
        Some(user) => print::say(format_args!("signed out {}", who(user))),
        None => print::say("nobody was signed in"),
    }
    if json { print::json(&accounts) } else { Ok(()) }
}

pub(crate) async fn whoami(bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let present = bound::client(bound).await?.user_snapshot(&Caller::default()).await?;
    if json {
        print::json(&present.user)?;
    }
    let user = present.user.as_ref().ok_or_else(|| bound::signed_out(bound))?;
    if json {
        return Ok(());
    }
    let members = [
        ("name", or_empty(user.name.as_deref())),
        ("email", or_empty(user.email.as_deref())),
        ("username", or_empty(user.username.as_deref())),
        ("id", clean(&user.id)),
    ];
    print::members(members.into_iter().chain(bound.map(|bound| ("bound", bound.to_string()))))
}

pub(crate) async fn accounts(bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
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
    let bound_id = match bound {
        Some(bound) => bound_id(&client, bound).await?,
        None => None,
    };
    let marker = |id: &str| {
        let mark = |of: Option<&str>, mark| if of == Some(id) { mark } else { " " };
        let second = if bound.is_some() { mark(bound_id.as_deref(), ">") } else { "" };
        format!("{}{second}", mark(current, "*"))
    };
    let rows: Vec<_> = accounts.iterable.iter().map(|user| row(user, marker(&user.id))).collect();
    print::table(&rows)
}

/// The account this run is bound to. A binding to none is told beside the list, which is what helps then.
async fn bound_id(client: &Client, bound: &Bound) -> anyhow::Result<Option<String>> {
    match client.clone().as_account(&bound.account).user_snapshot(&Caller::default()).await {
        Ok(present) => Ok(present.user.as_ref().map(|user| user.id.clone())),
        Err(error) if matches!(error.code, Code::NotFound | Code::Conflict) => {
            print::say(bound.blame(error.into()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Marker, name, e-mail, user name, id.
fn row(user: &UserProfile, marker: String) -> Vec<String> {
    let members = [&user.name, &user.email, &user.username].map(|member| or_empty(member.as_deref()));
    [marker].into_iter().chain(members).chain([clean(&user.id)]).collect()
}
