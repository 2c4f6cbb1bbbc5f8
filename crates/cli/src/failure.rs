//! How a verb fails: what happened in one line, the next step in another. Knows a next step for every condition of
//! the wire.

use std::fmt;

use usher_wire::{Code, Error};

/// A failure that knows its next step.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: String,
}

impl Failure {
    /// A failure as an error, ready to be returned.
    pub(crate) fn error(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: hint.into() }.into()
    }

    /// The verb needs somebody who is signed in.
    pub(crate) fn not_signed_in() -> anyhow::Error {
        Self::error(NOT_SIGNED_IN, SIGN_IN)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

const NOT_SIGNED_IN: &str = "nobody is signed in";
const SIGN_IN: &str =
    "`usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`";

/// The lines for stderr: the whole chain of causes, then the next step.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let hint = error.chain().find_map(|cause| {
        let known = cause.downcast_ref::<Failure>().map(|failure| failure.hint.as_str());
        known.or_else(|| cause.downcast_ref::<Error>().map(next_step))
    });
    let signed_out = error.downcast_ref::<Error>().is_some_and(is_signed_out);
    let message = if signed_out { NOT_SIGNED_IN.to_owned() } else { format!("{error:#}") };
    format!("error: {message}\nhint: {}", hint.unwrap_or(LOOK))
}

/// Nobody is signed in, and that is all there is to say. A session that has ended says so itself.
fn is_signed_out(error: &Error) -> bool {
    error.code == Code::NotSignedIn && error.message == Error::not_signed_in().message
}

const LOOK: &str = "`usher doctor` looks for the cause";

/// What to do about a condition, where the message itself does not know this program.
fn next_step(error: &Error) -> &'static str {
    match error.code {
        Code::NotSignedIn if is_signed_out(error) => SIGN_IN,
        Code::NotSignedIn => "`usher login` signs in with the identity provider",
        Code::NotFound => "`usher accounts`, `usher orgs` and `usher apps` list what exists",
        Code::InvalidBody | Code::InvalidValue => "correct the value and run the command again",
        Code::Taken => "nothing was changed; `usher accounts` tells who uses what",
        Code::Conflict => "nothing was changed: run the command again",
        Code::NotAllowed => {
            "whoever set this limit can lift it: an administrator of the organisation, or the owner of the daemon"
        }
        Code::NotConnected | Code::NotAvailableHere => {
            "`usher status` tells what this installation is connected to"
        }
        Code::NotReady | Code::TooManyRequests => "wait a moment and run the command again",
        Code::TooLarge => "nothing was changed: use a shorter value",
        Code::Unreachable | Code::NotRegistered | Code::UpstreamFailed | Code::Internal => LOOK,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn an_error_names_its_causes_and_ends_with_the_next_step() {
        let wire: anyhow::Result<()> =
            Err(Error::new(Code::Taken, "`username` belongs to somebody else").into());
        insta::assert_snapshot!(describe(&wire.context("cannot set the username").unwrap_err()), @r"
        error: cannot set the username: `username` belongs to somebody else
        hint: nothing was changed; `usher accounts` tells who uses what
        ");
        insta::assert_snapshot!(describe(&Failure::not_signed_in()), @r"
        error: nobody is signed in
        hint: `usher login` signs in; without an identity provider, `usher login --local --name NAME --email EMAIL`
        ");
        insta::assert_snapshot!(describe(&anyhow::anyhow!("the disk is full")), @r"
        error: the disk is full
        hint: `usher doctor` looks for the cause
        ");
    }
}
