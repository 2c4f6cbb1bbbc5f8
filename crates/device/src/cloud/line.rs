//! A line to the cloud for one account: the client with a fresh token. One that the cloud does not take is refreshed once;
//! whatever it says then, the account stays signed in here.

use usher_client::Client;
use usher_wire::{Caller, Code, Error, Result, Secret};

use crate::Device;
use usher_domain::store::CloudAccount;

/// Who asks the cloud.
pub(crate) struct Line {
    pub(crate) client: Client,
    pub(crate) caller: Caller,
    user: String,
}

/// Asks the cloud as an account, a second time with another token if it does not take the first one.
macro_rules! at_cloud {
    ($device:expr, $user:expr, $line:ident => $ask:expr) => {{
        let mut $line = $device.line($user).await?;
        let first = $ask.await;
        if $device.may_ask_again(&mut $line, first.as_ref().err()).await { $ask.await } else { first }
    }};
}
pub(crate) use at_cloud;

impl Device {
    /// Whether the cloud knows this account: it comes from an identity provider, and there is a cloud.
    pub(crate) async fn is_of_cloud(&self, user: &str) -> Result<bool> {
        if !self.0.cloud.is_there() {
            return Ok(false);
        }
        let user = user.to_owned();
        self.read(move |tx| Ok(tx.account(&user)?.is_some_and(|account| !account.is_local))).await
    }

    pub(crate) fn cloud_client(&self) -> Result<&Client> {
        let cloud = &self.0.cloud;
        let Some(url) = &cloud.url else {
            return Err(Error::new(Code::NotConnected, "this device is not connected to a cloud"));
        };
        if let Some(client) = cloud.client.get() {
            return Ok(client);
        }
        let client = Client::new(url)?;
        Ok(cloud.client.get_or_init(|| client))
    }

    pub(crate) async fn line(&self, user: &str) -> Result<Line> {
        let bearer = self.access_token(user).await?;
        let session = self.session_at_cloud(user).await?;
        self.line_of(user, bearer, session)
    }

    pub(crate) fn line_of(&self, user: &str, bearer: Secret, session: String) -> Result<Line> {
        let caller = Caller { bearer: Some(bearer), session: Some(session), ..Caller::default() };
        Ok(Line { client: self.cloud_client()?.clone(), caller, user: user.to_owned() })
    }

    /// Whether there is another token to try after a 401.
    pub(crate) async fn may_ask_again(&self, line: &mut Line, error: Option<&Error>) -> bool {
        if error.is_none_or(|error| error.code != Code::NotSignedIn) {
            return false;
        }
        let Ok(token) = self.refreshed(&line.user).await else { return false };
        line.caller.bearer = Some(token);
        true
    }

    /// What tells this sign-in from the person's others; an account from before there was a cloud gets its own now.
    async fn session_at_cloud(&self, user: &str) -> Result<String> {
        let (user, new) = (user.to_owned(), self.0.ambient.uuid().to_string());
        let known = user.clone();
        if let Some(account) = self.read(move |tx| tx.cloud_account(&known)).await? {
            return Ok(account.session);
        }
        self.write(move |tx| {
            if let Some(account) = tx.cloud_account(&user)? {
                return Ok(account.session);
            }
            let account = CloudAccount { user_id: user, session: new, shown: None, checked_in_at: None };
            tx.put_cloud_account(&account)?;
            Ok(account.session)
        })
        .await
    }
}

/// A 401 of the cloud is none of this device: nobody is signed out here by it.
pub(crate) fn not_here(error: Error) -> Error {
    match error.code {
        Code::NotSignedIn => Error::new(
            Code::UpstreamFailed,
            format!(
                "the cloud does not accept this account's session ({}): run `usher login`",
                error.message
            ),
        ),
        _ => error,
    }
}
