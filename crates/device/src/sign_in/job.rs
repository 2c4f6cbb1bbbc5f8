//! One sign-in: its state, how it is told to go on or to stop, and its course from the first address to the profile.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use url::Url;
use usher_wire::{
    Code, Error, Result, Secret, SignIn, SignInFailure, SignInFailureEnum as Word,
    SignInMethodEnum as Method, SignInStateEnum as State,
};

use super::browser;
use crate::Device;
use crate::session::{Proof, Tokens};
use usher_issuer::{Authorization, Claims, Issuer, Kind, TokenReply, Trouble, plain};

/// A sign-in that runs or has ended.
pub(crate) struct Job {
    state: watch::Sender<SignIn>,
    /// The method, once somebody asked for one or the machine decided.
    method: Mutex<Option<Method>>,
    waiting: Mutex<Option<Waiting>>,
    task: Mutex<Option<AbortHandle>>,
}

/// What a redirect is compared with, and where it goes.
struct Waiting {
    asked: Secret,
    found: oneshot::Sender<Redirect>,
}

/// What the provider sent the browser back with (RFC 6749, 4.1.2; RFC 9207).
pub(crate) struct Redirect {
    pub(crate) code: Option<Secret>,
    pub(crate) issuer: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) why: Option<String>,
}

/// How a course ends early.
pub(crate) enum End {
    /// The person said no.
    Denied,
    /// The person took too long.
    Expired,
    /// It failed.
    Trouble(Trouble),
}

impl From<Trouble> for End {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<End> for Error {
    fn from(end: End) -> Self {
        let why = match end {
            End::Denied => "the person declined at the identity provider: begin another flow",
            End::Expired => "nobody signed in in time: begin another flow",
            End::Trouble(trouble) => return trouble.into(),
        };
        Self::new(Code::UpstreamFailed, why)
    }
}

impl Job {
    pub(super) fn new(id: String, issuer: &str, method: Option<Method>) -> Self {
        let state = SignIn {
            id,
            state: State::WaitingForBrowser,
            method: method.unwrap_or(Method::Browser),
            issuer: issuer.to_owned(),
            url: None,
            user_code: None,
            url_with_code: None,
            opened: false,
            expires: None,
            failure: None,
            user: None,
        };
        Self {
            state: watch::Sender::new(state),
            method: Mutex::new(method),
            waiting: Mutex::default(),
            task: Mutex::default(),
        }
    }

    pub(crate) fn id(&self) -> String {
        self.state.borrow().id.clone()
    }

    pub(crate) fn state(&self) -> SignIn {
        self.state.borrow().clone()
    }

    /// Sees the present state first, then the newest.
    pub(crate) fn follow(&self) -> watch::Receiver<SignIn> {
        self.state.subscribe()
    }

    /// Whether it goes on in the way that is asked for, which it takes while it is free to. Pasting goes with any address
    /// that is shown.
    pub(super) fn agrees(&self, asked: Option<Method>) -> bool {
        let Some(asked) = asked else { return true };
        let chosen = *self.method.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(asked);
        (chosen == Method::Device) == (asked == Method::Device)
    }

    pub(super) fn start(self: &Arc<Self>, device: Device, issuer: Arc<Issuer>) {
        let job = Arc::clone(self);
        let task = tokio::spawn(async move {
            let course = job.run(&device, &issuer).await;
            job.end(course);
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }

    /// Ends a job that has not ended, for this reason.
    pub(crate) fn cancel(&self, why: &str) {
        self.update(|state| {
            state.state = State::Cancelled;
            state.failure = Some(unsuccessful(Word::Cancelled, why));
        });
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    /// Changes the state, unless it is an end. No address leads anywhere after one.
    pub(super) fn update(&self, change: impl FnOnce(&mut SignIn)) {
        self.state.send_if_modified(|state| {
            if state.state.is_end() {
                return false;
            }
            change(state);
            if state.state.is_end() {
                (state.expires, state.url, state.url_with_code, state.user_code) = (None, None, None, None);
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
            true
        });
    }

    /// From here on a redirect with this state is taken, once.
    pub(super) fn expect(&self, asked: &Authorization) -> oneshot::Receiver<Redirect> {
        let (found, redirect) = oneshot::channel();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Waiting { asked: asked.state.clone(), found });
        redirect
    }

    /// Takes the address a browser was sent to. What does not belong to this sign-in changes nothing.
    pub(crate) fn receive(&self, url: &str) -> Result<()> {
        let url = Url::parse(url.trim()).map_err(|_| {
            Error::invalid_value("url", "is no address: copy the whole address of the last page")
        })?;
        let query =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let redirect = Redirect {
            code: query("code").map(Secret::from),
            issuer: query("iss"),
            error: query("error").map(|word| plain(&word)),
            why: query("error_description").map(|why| plain(&why)),
        };
        if redirect.code.is_none() && redirect.error.is_none() {
            return Err(Error::invalid_value(
                "url",
                "holds neither a code nor an error: copy the whole address",
            ));
        }
        let waiting = self.claim(&Secret::from(query("state").unwrap_or_default()))?;
        self.update(|state| (state.state, state.expires) = (State::Exchanging, None));
        // Nobody receives it when the sign-in has ended since.
        drop(waiting.found.send(redirect));
        Ok(())
    }

    /// What waits for a redirect with this state, which is used up by it.
    fn claim(&self, state: &Secret) -> Result<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = waiting.as_ref().map(|waiting| is_same(state.expose(), waiting.asked.expose()));
        match (is_own, waiting.take_if(|_| is_own == Some(true))) {
            (_, Some(waiting)) => Ok(waiting),
            (None, None) => {
                Err(Error::new(Code::Conflict, "this sign-in waits for no address any more: see its state"))
            }
            (Some(_), None) => Err(Error::invalid_value(
                "url",
                "does not belong to this sign-in: open the address of this one and copy where it leads",
            )),
        }
    }

    async fn run(&self, device: &Device, issuer: &Issuer) -> Result<String, End> {
        // Before the person does anything: tokens that cannot be kept are not worth a password.
        device.0.vault.key(&device.opened().map_err(Trouble::from)?.os).await?;
        let metadata = issuer.metadata().await?;
        let is_alone = !browser::has_display() && metadata.has_device_grant();
        let usual = if is_alone { Method::Device } else { Method::Browser };
        let method = *self.method.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(usual);
        self.update(|state| state.method = method);
        let (reply, nonce) = match method {
            Method::Device => (self.wait_for_code(device, issuer).await?, None),
            _ => self.wait_for_browser(device, issuer, &metadata, method).await?,
        };
        self.update(|state| (state.state, state.expires) = (State::LoadingProfile, None));
        let claims = device.in_time(claims(device, issuer, &reply, nonce.as_ref())).await?;
        if reply.refresh_token.is_none() {
            let issuer = issuer.settings.id();
            tracing::info!(
                issuer,
                "the provider gave no refresh token: the session ends with its access token"
            );
        }
        let tokens = Tokens::of(&reply, None, device.0.ambient.now());
        let proof = Proof { claims, tokens, replaces: true };
        let profile = device.begin_session(issuer, proof).await.map_err(Trouble::from)?;
        Ok(profile.id)
    }

    fn end(&self, course: Result<String, End>) {
        self.update(|state| match course {
            Ok(user) => (state.state, state.user) = (State::Done, Some(user)),
            Err(End::Denied) => {
                state.state = State::Cancelled;
                state.failure =
                    Some(unsuccessful(Word::Declined, "the person declined at the identity provider"));
            }
            Err(End::Expired) => {
                state.state = State::Expired;
                state.failure = Some(unsuccessful(Word::Expired, "nobody signed in in time"));
            }
            Err(End::Trouble(trouble)) => {
                state.state = State::Failed;
                state.failure = Some(trouble.failure());
            }
        });
        let state = self.state();
        tracing::info!(
            sign_in = state.id,
            state = state.state.as_str(),
            issuer = state.issuer,
            "sign_in.ended"
        );
    }
}

/// Who signed in, by the ID token and, where it can be had, by what the provider says to the bearer.
async fn claims(
    device: &Device,
    issuer: &Issuer,
    reply: &TokenReply,
    nonce: Option<&Secret>,
) -> Result<Claims, Trouble> {
    let id_token = reply.id_token.as_ref().ok_or_else(|| {
        Trouble::new(Kind::Failed, "the provider sent no ID token: is `openid` among the scopes it grants?")
    })?;
    let now = device.0.ambient.now();
    let claims = issuer.id_token(id_token.expose(), nonce.map(Secret::expose), now).await?;
    match issuer.userinfo(reply.access_token.expose()).await {
        Ok(more) => claims.and(more),
        // Tokens for an API of one's own are often not good there, and the ID token says enough.
        Err(trouble) => {
            tracing::debug!(%trouble, "sign_in.no_userinfo");
            Ok(claims)
        }
    }
}

fn unsuccessful(code: Word, why: &str) -> SignInFailure {
    SignInFailure {
        code,
        message: why.to_owned(),
        next_step: "start the sign-in again to sign in after all".into(),
    }
}

impl Device {
    /// Bounds what consists of more than one exchange with a provider.
    pub(crate) async fn in_time<T>(
        &self,
        part: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let within = self.0.identity.issuer_within;
        tokio::time::timeout(within, part).await.unwrap_or_else(|_| {
            let seconds = within.as_secs();
            Err(Trouble::new(Kind::Lost, format!("the identity provider did not answer within {seconds} s")))
        })
    }
}

/// Takes the same time wherever they differ.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}
