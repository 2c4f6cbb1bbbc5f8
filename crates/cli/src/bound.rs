//! Which account this run of `usher` is bound to, and by what: `--account`, else `USHER_ACCOUNT`, else the nearest folder
//! that `usher switch --here` bound. Bound to none, it speaks of whoever is current.

use std::fmt;
use std::path::PathBuf;

use usher_client::{Client, Code, Error};

use crate::failure::Failure;
use crate::folders::Folders;
use crate::print::clean;

/// Names the account to be bound to.
const VARIABLE: &str = "USHER_ACCOUNT";

/// An account, and what binds to it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) account: String,
    by: By,
}

#[derive(Debug)]
enum By {
    Option,
    Variable,
    Folder(PathBuf),
}

impl Bound {
    /// What binds this run, if anything does. `option` is the value of `--account`.
    pub(crate) fn find(option: Option<String>) -> anyhow::Result<Option<Self>> {
        if let Some(account) = option {
            return Ok(Some(Self { account, by: By::Option }));
        }
        match std::env::var(VARIABLE) {
            Ok(account) if !account.is_empty() => return Ok(Some(Self { account, by: By::Variable })),
            Ok(_) | Err(std::env::VarError::NotPresent) => {}
            // Leaving it aside would be asking about somebody else.
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::error(
                    format!("{VARIABLE} is not valid text"),
                    "set it to the id, e-mail or user name of an account, or unset it",
                ));
            }
        }
        let nearest = Folders::read()?.nearest()?;
        Ok(nearest.map(|(folder, account)| Self { account, by: By::Folder(folder) }))
    }

    /// The failure of a verb, told with what bound it where that may be the cause.
    pub(crate) fn blame(&self, error: anyhow::Error) -> anyhow::Error {
        let code = error.downcast_ref::<Error>().map(|error| error.code);
        if !matches!(code, Some(Code::NotFound | Code::Conflict)) {
            return error;
        }
        let next = match &self.by {
            By::Option => "`usher accounts` lists the accounts of this device".to_owned(),
            By::Variable => {
                format!(
                    "`usher accounts` lists the accounts of this device; `unset {VARIABLE}` binds to none"
                )
            }
            By::Folder(folder) => {
                format!("`usher switch --here --forget` in {} takes the binding back", shown(folder))
            }
        };
        Failure::error(format!("bound to `{}` {self}: {error:#}", clean(&self.account)), next)
    }
}

/// By what.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            By::Option => f.write_str("by --account"),
            By::Variable => write!(f, "by {VARIABLE}"),
            By::Folder(folder) => write!(f, "by the folder {}", shown(folder)),
        }
    }
}

fn shown(folder: &std::path::Path) -> String {
    clean(&folder.display().to_string())
}

/// The verb needs somebody who is signed in.
pub(crate) fn signed_out(bound: Option<&Bound>) -> anyhow::Error {
    let Some(bound) = bound else { return Failure::not_signed_in() };
    Failure::error(
        format!("`{}` is signed out, and this command is bound to it {bound}", clean(&bound.account)),
        "`usher login` signs in again",
    )
}

/// The daemon, asked as the account this run is bound to.
pub(crate) async fn client(bound: Option<&Bound>) -> anyhow::Result<Client> {
    let client = Client::find().await?;
    Ok(match bound {
        Some(bound) => client.as_account(&bound.account),
        None => client,
    })
}
