//! The one binary, `usher`: the verbs, who runs them, and how they end. `serve` wires the rooms together; every other
//! verb is a client of the running daemon.

mod access;
mod account;
mod apps;
mod audit;
mod bound;
mod cloud;
mod config;
mod doctor;
mod failure;
mod folders;
mod leave;
mod log;
mod orgs;
mod origins;
mod print;
mod profile;
mod serve;
mod sessions;
mod sign_in;
mod status;
mod switch;
mod token;
mod watch;

use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};

use crate::bound::Bound;

/// One signed-in user for every tool on this machine.
#[derive(Debug, Parser)]
#[command(name = "usher", version, color = clap::ColorChoice::Never, arg_required_else_help = true)]
#[command(
    after_help = "The daemon is found by itself; USHER_URL names another one. USHER_ACCOUNT is as --account.
Exit codes: 0 done, 1 failed, denied or not signed in, 2 wrong usage or configuration, 3 already running."
)]
struct Cli {
    /// Print JSON, the models of the API as they are
    #[arg(long, global = true)]
    json: bool,
    /// Speak of this account of the device instead of the current one: its id, e-mail or user name
    // Read from the environment apart, to tell who bound.
    #[arg(long = "account", id = "bound", value_name = "ACCOUNT", global = true, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    bound: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the daemon
    Serve(serve::Args),
    /// Run a cloud: the same API for many users, behind tokens of an identity provider
    Cloud(cloud::Args),
    /// Sign in
    Login(account::Login),
    /// Sign out; the other accounts of this device stay
    Logout,
    /// Print a fresh access token of the signed-in user
    Token,
    /// Who is signed in; exit code 1 when nobody is
    Whoami,
    /// List the accounts of this device; `*` marks the one that is signed in, `>` the one bound to
    Accounts,
    /// Make another account of this device the current one, or bind this folder to it
    Switch(switch::Switch),
    /// Read or change the profile of the signed-in user
    #[command(subcommand)]
    Profile(profile::Verb),
    /// Print one line for each change of the user or the profile, the present state first
    Watch,
    /// Whether the policies of the user's organisations allow a feature; exit code 1 when they do not
    Access(access::Args),
    /// List the organisations and teams of the signed-in user
    Orgs,
    /// List the devices and programs that use the account at its cloud, or end one; `*` marks this one
    Sessions {
        #[command(subcommand)]
        verb: Option<sessions::Verb>,
    },
    /// Print everything the cloud keeps of the signed-in user, as JSON
    Export,
    /// Delete the account of the signed-in user at its cloud
    Delete(leave::Delete),
    /// List the applications that introduced themselves, or keep one from reading tokens
    Apps {
        #[command(subcommand)]
        verb: Option<apps::Verb>,
    },
    /// Which web pages may call the daemon
    #[command(subcommand)]
    Origins(origins::Verb),
    /// Who read a token, signed in, or changed what is trusted: the latest first
    Audit,
    /// How the daemon is doing
    Status,
    /// Look for what is wrong and say how to mend it; exit code 1 when something is
    Doctor,
    /// Print a completion script
    Completions {
        /// The shell that will read it
        shell: clap_complete::Shell,
    },
    /// Print the OpenAPI document of the daemon
    Openapi,
}

fn main() -> ExitCode {
    let Cli { json, bound, verb } = Cli::parse();
    match run(verb, bound, json) {
        Ok(code) => code,
        Err(error) if error.is::<print::ReaderGone>() => ExitCode::SUCCESS,
        Err(error) => {
            print::say(failure::describe(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb, account: Option<String>, json: bool) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Serve(args) => serve::run(args),
        Verb::Cloud(args) => cloud::run(args),
        Verb::Completions { shell } => completions(shell),
        Verb::Openapi => print::line(usher_http::openapi_json().trim_end()).map(|()| ExitCode::SUCCESS),
        verb => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?
            .block_on(ask(verb, account, json)),
    }
}

/// The verbs that talk to the daemon.
async fn ask(verb: Verb, account: Option<String>, json: bool) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Doctor => return doctor::doctor(json).await,
        Verb::Login(args) => account::login(args, json).await?,
        Verb::Switch(args) => switch::switch(args, json).await?,
        Verb::Apps { verb } => apps::apps(verb, json).await?,
        Verb::Origins(verb) => origins::origins(verb, json).await?,
        Verb::Audit => audit::audit(json).await?,
        Verb::Status => status::status(json).await?,
        Verb::Serve(_) | Verb::Cloud(_) | Verb::Completions { .. } | Verb::Openapi => {
            unreachable!("these verbs ask no daemon")
        }
        verb => {
            let bound = Bound::find(account)?;
            let asked = ask_about_the_user(verb, bound.as_ref(), json).await;
            return asked.map_err(|error| bound.iter().fold(error, |error, bound| bound.blame(error)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The verbs that speak of "the user": the current one, or the one this run is bound to.
async fn ask_about_the_user(verb: Verb, bound: Option<&Bound>, json: bool) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Access(args) => return access::access(args, bound, json).await,
        Verb::Logout => account::logout(bound, json).await?,
        Verb::Token => token::token(bound, json).await?,
        Verb::Whoami => account::whoami(bound, json).await?,
        Verb::Accounts => account::accounts(bound, json).await?,
        Verb::Profile(verb) => profile::profile(verb, bound, json).await?,
        Verb::Watch => watch::watch(bound, json).await?,
        Verb::Orgs => orgs::orgs(bound, json).await?,
        Verb::Sessions { verb } => sessions::sessions(verb, bound, json).await?,
        Verb::Export => leave::export(bound).await?,
        Verb::Delete(args) => leave::delete(args, bound, json).await?,
        other => unreachable!("{other:?} speaks of no user"),
    }
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "usher", &mut script);
    print::raw(&String::from_utf8(script).context("the completion script is not text")?)?;
    Ok(ExitCode::SUCCESS)
}

/// Wrong usage found after parsing: told as clap tells it, with its exit code.
fn usage(verb: &[&str], message: impl std::fmt::Display) -> ! {
    let mut command = Cli::command();
    command.build();
    let mut command = verb.iter().fold(command, |command, word| {
        command.find_subcommand(word).expect("the verb was parsed by this very tree").clone()
    });
    command.error(clap::error::ErrorKind::ValueValidation, message).exit()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_tree_is_sound() {
        super::Cli::command().debug_assert();
    }
}
