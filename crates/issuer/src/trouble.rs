//! What can go wrong on the way to an identity provider and back, told apart by what follows from it.

use usher_wire::{Code, Error, SignInFailure, SignInFailureEnum};

/// Why an exchange with a provider, or the custody of its tokens, failed. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// What follows from it.
    pub kind: Kind,
    /// One sentence.
    pub message: String,
}

/// The kinds of trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// No connection: DNS, TLS, proxy, or nobody there. The request did not arrive.
    Unreachable,
    /// The request may have arrived; its answer did not.
    Lost,
    /// The answer is not what the protocol says.
    Failed,
    /// The provider said no; the word is that of OAuth 2.0.
    Refused(String),
    /// Somebody else's answer.
    Mismatch,
    /// A token does not prove what it should.
    Invalid,
    /// This machine and the provider disagree about the time.
    Clock,
    /// The provider does not offer it.
    NotSupported,
    /// All fixed redirect ports are somebody else's.
    PortTaken,
    /// The key that seals tokens cannot be had.
    Keyring,
    /// The daemon's own store failed.
    Store,
}

/// What an exchange with a provider comes to.
pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    /// Trouble of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The provider ended the grant; no other answer ends a session.
    pub fn is_invalid_grant(&self) -> bool {
        matches!(&self.kind, Kind::Refused(word) if word == "invalid_grant")
    }

    /// The same for a person, with the next step.
    pub fn failure(&self) -> SignInFailure {
        use SignInFailureEnum as Word;
        let (code, next_step) = match &self.kind {
            Kind::Unreachable | Kind::Lost => (
                Word::IssuerUnreachable,
                "check the network, the proxy and the URL of the issuer, then try again",
            ),
            Kind::Failed => (Word::IssuerFailed, "try again later, or tell who runs the identity provider"),
            Kind::Refused(_) => {
                (Word::IssuerRefused, "sign in again; if that does not help, check the client in usher.toml")
            }
            Kind::Mismatch => (Word::IssuerMismatch, "close that page and start the sign-in again from here"),
            Kind::Invalid => {
                (Word::TokenInvalid, "start the sign-in again; check client_id and audience in usher.toml")
            }
            Kind::Clock => (Word::ClockWrong, "set the clock of this machine, then sign in again"),
            Kind::NotSupported => {
                (Word::MethodNotSupported, "use another method: `usher login` or `usher login --paste`")
            }
            Kind::PortTaken => (
                Word::RedirectPortTaken,
                "free one of them and restart the daemon, or use `usher login --paste`",
            ),
            Kind::Keyring => (
                Word::KeyringUnavailable,
                "unlock or install a keyring (gnome-keyring, KWallet) and start the daemon again, or start it with `token_store = \"file\"`, \
                 which seals tokens with a key in a file that only you can read",
            ),
            Kind::Store => {
                (Word::NotStored, "make room for the data directory, see the daemon's log, then try again")
            }
        };
        SignInFailure { code, message: self.message.clone(), next_step: next_step.to_owned() }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        let code = match trouble.kind {
            Kind::Store => Code::Internal,
            _ => Code::UpstreamFailed,
        };
        Error::new(code, trouble.failure().to_string())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::new(Kind::Store, error.message)
    }
}
