//! The Rust SDK of Usher: who is signed in on this machine, for any tool that wants to know.
//!
//! # In 60 seconds
//!
//! ```no_run
//! use usher_client::{Caller, Client, Event, StreamExt, UserApi};
//!
//! # async fn example() -> usher_client::Result<()> {
//! // Finds the daemon of this machine; `USHER_URL` in the environment overrides the search.
//! let client = Client::find().await?;
//!
//! // Every operation of the API is a method of the `UserApi` trait.
//! match &client.user_snapshot(&Caller::default()).await?.user {
//!     Some(user) => println!("signed in as {}", user.name.as_deref().unwrap_or(&user.id)),
//!     None => println!("nobody is signed in"),
//! }
//!
//! // Or be told of every change: the present state first, then one item per change.
//! let mut changes = client.watch_user();
//! while let Some(event) = changes.next().await {
//!     match event {
//!         Event::Now(present) => println!("now: {:?}", present.user.as_ref().map(|user| &user.id)),
//!         Event::Lost { error, retry_in } => println!("{error}; again in {retry_in:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What to know
//!
//! - A [`Client`] is cheap to clone and keeps its connections; make one per program.
//! - There is one [`Error`]: match on its [`Code`], show its message. A failed operation changed nothing, except when
//!   the connection broke underneath a write: then the message says to look first.
//! - Access tokens are only for registered applications: [`connect`](UserApi::connect) once, then
//!   [`with_application`](Client::with_application) the id it answers.
//! - Addresses of this machine are never asked through a proxy.
//! - All other models of the API are in [`wire`].

mod answer;
mod backoff;
mod find;
mod http;
mod operations;
mod sign_in;
mod stream;
#[cfg(test)]
mod testing;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// What takes items from a watch: `next` and its relatives.
pub use futures_util::StreamExt;
use url::{Host, Url};
pub use usher_wire as wire;
pub use usher_wire::{
    About, Caller, Code, Context, Edit, Error, HasFeatureAccessInput, HasFeatureAccessOutput, Present,
    ProfileUpdate, Result, Secret, SeededConnectorConnection, Status, UserApi, UserLastCheckedInStreamOutput,
    UserProfile, Users, Version,
};

pub use crate::stream::{Event, Known};

/// The API of one daemon (or cloud) over HTTP and WebSocket: [`UserApi`] and two watches.
///
/// ```no_run
/// use usher_client::{Caller, Client, UserApi};
///
/// # async fn example() -> usher_client::Result<()> {
/// let client = Client::find().await?;
/// let users = client.users_snapshot(&Caller::default()).await?;
/// println!("{} accounts at {}", users.iterable.len(), client.url());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    place: Arc<Place>,
    own: Caller,
    /// The oldest version the service still works with, as it said last.
    minimum_version: Arc<Mutex<Option<String>>>,
}

/// Where the API is.
struct Place {
    /// As people know it; without a slash at its end.
    url: String,
    /// What paths are appended to.
    base: String,
    /// The Unix socket that leads there; `None`: TCP does.
    socket: Option<PathBuf>,
    is_loopback: bool,
}

impl Client {
    /// The API at this address; nothing is sent yet. `unix:PATH` is the socket at that path.
    ///
    /// ```no_run
    /// let client = usher_client::Client::new("http://127.0.0.1:39300")?;
    /// # Ok::<(), usher_client::Error>(())
    /// ```
    pub fn new(url: &str) -> Result<Self> {
        Self::at(Place::parse(url)?)
    }

    fn at(place: Place) -> Result<Self> {
        let (http, place) = (http::transport(&place)?, Arc::new(place));
        Ok(Self { http, place, own: Caller::default(), minimum_version: Arc::default() })
    }

    /// The same, speaking as the application with this id (see [`UserApi::connect`]).
    ///
    /// ```no_run
    /// # async fn example(connection: usher_client::SeededConnectorConnection) -> usher_client::Result<()> {
    /// use usher_client::{Caller, Client, UserApi};
    ///
    /// let client = Client::find().await?;
    /// let context = client.connect(&Caller::default(), connection).await?;
    /// let client = client.with_application(context.application.id);
    /// let token = client.user_access_token(&Caller::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_application(mut self, id: impl Into<String>) -> Self {
        self.own.application = Some(id.into());
        self
    }

    /// The same, showing this token with every request; a cloud wants one.
    ///
    /// ```no_run
    /// # fn token_from_somewhere() -> String { String::new() }
    /// use usher_client::{Client, Secret};
    ///
    /// let client = Client::new("http://cloud.internal:8080")?.with_bearer(Secret::from(token_from_somewhere()));
    /// # Ok::<(), usher_client::Error>(())
    /// ```
    pub fn with_bearer(mut self, token: Secret) -> Self {
        self.own.bearer = Some(token);
        self
    }

    /// The same, bound to one account of the device (its id, e-mail or user name), whoever is current: all that is asked
    /// about "the user" is about that account, on streams too. Selecting and clearing still change who is current.
    ///
    /// ```no_run
    /// # async fn example() -> usher_client::Result<()> {
    /// use usher_client::{Caller, Client, UserApi};
    ///
    /// let work = Client::find().await?.as_account("ada@work.example");
    /// let present = work.user_snapshot(&Caller::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_account(mut self, account: impl Into<String>) -> Self {
        self.own.account = Some(account.into());
        self
    }

    /// The address in use, without a slash at its end.
    ///
    /// ```
    /// let client = usher_client::Client::new("http://127.0.0.1:39300/")?;
    /// assert_eq!(client.url(), "http://127.0.0.1:39300");
    /// # Ok::<(), usher_client::Error>(())
    /// ```
    pub fn url(&self) -> &str {
        &self.place.url
    }

    /// The oldest version of this software that the service still works with (`Usher-Minimum-Version`), as its last
    /// answer said.
    ///
    /// ```
    /// let client = usher_client::Client::new("http://127.0.0.1:39300")?;
    /// assert_eq!(client.minimum_version(), None, "nothing was asked yet");
    /// # Ok::<(), usher_client::Error>(())
    /// ```
    pub fn minimum_version(&self) -> Option<String> {
        self.minimum_version.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.place.url).field("own", &self.own).finish_non_exhaustive()
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::of_socket(path.into()));
        }
        let refuse = |why: &str| {
            let example = "write it like `http://127.0.0.1:39300`";
            // There may be a password or a token in it, and messages travel.
            let shown =
                if text.contains(['@', '?', '#']) { "the address".to_owned() } else { format!("`{text}`") };
            Err(Error::new(Code::InvalidValue, format!("{shown} {why}: {example}")))
        };
        let Ok(url) = Url::parse(text) else { return refuse("is not an address") };
        let (true, Some(host)) = (["http", "https"].contains(&url.scheme()), url.host()) else {
            return refuse("is not an HTTP address");
        };
        let is_loopback = match host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        // A name and password in the address are dropped: they would end up in messages.
        let url = format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'));
        Ok(Self { base: url.clone(), url, socket: None, is_loopback })
    }

    /// The daemon behind a Unix socket. HTTP wants a host all the same.
    #[cfg(unix)]
    fn of_socket(path: PathBuf) -> Self {
        let url = format!("unix:{}", path.display());
        Self { url, base: "http://localhost".to_owned(), socket: Some(path), is_loopback: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_care() {
        let place = Place::parse("http://me:secret@localhost:39300/usher/?x=1").unwrap();
        assert_eq!(place.url, "http://localhost:39300/usher");
        assert!(place.is_loopback);
        assert!(Place::parse("http://[::1]:1000").unwrap().is_loopback);
        assert!(!Place::parse("http://localhost.example.test").unwrap().is_loopback);
        assert!(!Place::parse("https://example.test").unwrap().is_loopback);
        for wrong in ["", "127.0.0.1:39300", "localhost:39300", "ftp://127.0.0.1", "https://"] {
            let error = Place::parse(wrong).err().unwrap();
            assert_eq!(error.code, Code::InvalidValue, "{wrong}");
            assert!(error.message.ends_with("`http://127.0.0.1:39300`"), "{error}");
        }
        for told in ["me:secret@example.test", "ftp://example.test/?secret"] {
            let error = Place::parse(told).err().unwrap();
            assert!(!error.message.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let client = Client::new("http://127.0.0.1:1").unwrap().with_bearer(Secret::from("eyJ.abc"));
        assert!(!format!("{client:?}").contains("eyJ"));
    }
}
