//! What can be watched: where it is, and how its messages read.

use std::sync::{Arc, Mutex, PoisonError};

use usher_wire::{USER_STREAM_PROTOCOL, UserFrame};

use crate::{Present, UserLastCheckedInStreamOutput, UserProfile, Version};

/// One thing that can be watched, with what is remembered of it from message to message.
pub(crate) trait Topic: Send + 'static {
    /// What a message tells.
    type State: Send + 'static;
    /// Where it is.
    const PATH: &'static str;
    /// The sub-protocol that is understood beside the plain messages.
    const PROTOCOL: Option<&'static str> = None;

    /// Where to go on.
    fn place(&self) -> String {
        Self::PATH.to_owned()
    }

    /// Reads a message; whether it is of the sub-protocol depends on what the service chose.
    fn read(&mut self, message: &[u8], is_of_protocol: bool) -> Result<Self::State, String>;
}

/// What is known of a user, from one connection to the next: kept by who connects, so that the service needs not tell it
/// again. Whether it still holds is the service's word.
///
/// ```no_run
/// # async fn example(tokens: Vec<usher_client::Secret>) -> usher_client::Result<()> {
/// use usher_client::{Caller, Client, Known, StreamExt};
///
/// let (client, known) = (Client::new("https://cloud.example.org")?, Known::default());
/// for token in tokens {
///     let caller = Caller { bearer: Some(token), ..Caller::default() };
///     let mut states = client.connect_user_from(&caller, &known).await?;
///     while let Some(present) = states.next().await {
///         println!("{:?}", present.user.as_ref().map(|user| &user.id));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<Option<Told>>>);

/// A state and the version a service gave it.
struct Told {
    version: String,
    user: Option<UserProfile>,
}

impl Known {
    fn version(&self) -> Option<String> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.as_ref().map(|told| told.version.clone())
    }

    /// The state after this frame. One that is about another state makes this one forgotten.
    fn take(&self, frame: UserFrame) -> Option<Option<UserProfile>> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = told.take();
        let known = known.as_ref().map(|told| (told.version.as_str(), told.user.as_ref()));
        let (version, user) = frame.apply(known)?;
        *told = Some(Told { version, user: user.clone() });
        Some(user)
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Who is current. A handshake names no version, so the values that only old clients cannot read are asked for.
#[derive(Default)]
pub(crate) struct User {
    known: Known,
    /// How many states were told.
    count: u64,
}

impl User {
    pub(crate) fn from(known: &Known) -> Self {
        Self { known: known.clone(), count: 0 }
    }
}

impl Topic for User {
    type State = Arc<Present>;
    const PATH: &'static str = "/user/stream?types=all";
    const PROTOCOL: Option<&'static str> = Some(USER_STREAM_PROTOCOL);

    fn place(&self) -> String {
        match self.known.version() {
            Some(version) if version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
                format!("{}&since={version}", Self::PATH)
            }
            _ => Self::PATH.to_owned(),
        }
    }

    fn read(&mut self, message: &[u8], is_of_protocol: bool) -> Result<Arc<Present>, String> {
        let user = if is_of_protocol {
            let frame = serde_json::from_slice(message).map_err(|error| error.to_string())?;
            self.known.take(frame).ok_or("it changes a state that is not known here")?
        } else {
            self.known.forget();
            // No text at all is how everybody says "signed out".
            let is_signed_out = message.trim_ascii().is_empty();
            let user = (!is_signed_out).then(|| serde_json::from_slice(message)).transpose();
            user.map_err(|error| error.to_string())?
        };
        self.count += 1;
        Ok(Arc::new(Present::new(Version { generation: 0, revision: self.count }, user)))
    }
}

/// When the user was last in step with the cloud.
pub(crate) struct CheckIns;

impl Topic for CheckIns {
    type State = UserLastCheckedInStreamOutput;
    const PATH: &'static str = "/user/last_checked_in/stream";

    fn read(&mut self, message: &[u8], _: bool) -> Result<Self::State, String> {
        serde_json::from_slice(message).map_err(|error| error.to_string())
    }
}
