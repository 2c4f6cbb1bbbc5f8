//! The part of a sign-in that waits for a person: in a browser that comes back with a code, or on another machine with a
//! code to type in.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use usher_wire::{GroupedTimestamp, Secret, SignInMethodEnum as Method, SignInStateEnum as State, Timestamp};

use super::Arrivals;
use super::browser;
use super::job::{End, Job, Redirect};
use crate::Device;
use usher_issuer::{DeviceCode, Issuer, IssuerSettings, Kind, Metadata, Poll, TokenReply, Trouble, plain};

/// The longest a device code is waited for, whatever its provider allows.
const CODE_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Where browsers come back to.
const CALLBACK: &str = "/sign-in/callback";
/// How long between two questions when the provider says nothing (RFC 8628, 3.5), and how much `slow_down` adds.
const POLL_EVERY: Duration = Duration::from_secs(5);

impl Job {
    /// Shows the address, waits for the browser, and exchanges the code it comes back with. Answers the nonce, too.
    pub(super) async fn wait_for_browser(
        &self,
        device: &Device,
        issuer: &Issuer,
        metadata: &Metadata,
        method: Method,
    ) -> Result<(TokenReply, Option<Secret>), End> {
        let arrivals = device.0.sign_ins.arrivals.get().cloned().unwrap_or_default();
        let redirect_uri = redirect_uri(&arrivals, &issuer.settings, method, CALLBACK)?;
        let asked = issuer.authorization(metadata, &self.id(), redirect_uri, &device.0.ambient);
        let redirect = self.expect(&asked);
        let within = device.0.identity.sign_in_within;
        let may_open = method == Method::Browser && device.0.identity.opens_browser;
        let opened = may_open && browser::open(asked.url.as_str());
        self.update(|state| {
            state.url = Some(asked.url.to_string());
            state.opened = opened;
            state.expires = Some(GroupedTimestamp::from(later(device.0.ambient.now(), within)));
        });
        let redirect = timeout(within, redirect).await.ok().and_then(Result::ok).ok_or(End::Expired)?;
        let code = check_redirect(&redirect, metadata)?;
        let reply =
            device.in_time(issuer.exchange_code(code.expose(), &asked.verifier, &asked.redirect_uri)).await?;
        Ok((reply, Some(asked.nonce)))
    }

    /// Shows the code and asks the provider until the person has typed it in.
    pub(super) async fn wait_for_code(&self, device: &Device, issuer: &Issuer) -> Result<TokenReply, End> {
        let code = issuer.device_code().await?;
        let within = Duration::from_secs(code.expires_in).min(CODE_WITHIN);
        self.update(|state| {
            state.state = State::WaitingForCode;
            state.url = Some(plain(&code.verification_uri));
            state.url_with_code = code.verification_uri_complete.as_deref().map(plain);
            state.user_code = Some(plain(&code.user_code));
            state.expires = Some(GroupedTimestamp::from(later(device.0.ambient.now(), within)));
        });
        timeout(within, poll(issuer, &code)).await.unwrap_or(Err(End::Expired))
    }
}

impl Device {
    /// A page of this daemon as the place where a provider of these settings sends browsers back to.
    pub(crate) fn callback(&self, settings: &IssuerSettings, path: &str) -> Result<String, Trouble> {
        let arrivals = self.0.sign_ins.arrivals.get().cloned().unwrap_or_default();
        redirect_uri(&arrivals, settings, Method::Browser, path)
    }
}

impl Device {
    /// A provider, and where it sends browsers back to.
    pub(crate) fn about_issuer(&self, settings: &IssuerSettings) -> usher_wire::Issuer {
        usher_wire::Issuer { redirect: self.callback(settings, CALLBACK).ok(), ..settings.about() }
    }
}

async fn poll(issuer: &Issuer, code: &DeviceCode) -> Result<TokenReply, End> {
    let mut pause = code.interval.map_or(POLL_EVERY, |seconds| Duration::from_secs(seconds.max(1)));
    let mut lost_since: Option<Instant> = None;
    loop {
        sleep(pause).await;
        match issuer.poll(code).await {
            Ok(Poll::Tokens(reply)) => return Ok(*reply),
            Ok(Poll::Pending) => {}
            Ok(Poll::SlowDown) => pause += POLL_EVERY,
            Ok(Poll::Denied) => return Err(End::Denied),
            Ok(Poll::Expired) => return Err(End::Expired),
            // The network may come back while the person is still typing; for a while that is worth waiting for.
            Err(trouble) if matches!(trouble.kind, Kind::Unreachable | Kind::Lost) => {
                if lost_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(30) {
                    return Err(trouble.into());
                }
                continue;
            }
            Err(trouble) => return Err(trouble.into()),
        }
        lost_since = None;
    }
}

/// The code of a redirect that is the provider's own.
pub(crate) fn check_redirect<'a>(redirect: &'a Redirect, metadata: &Metadata) -> Result<&'a Secret, End> {
    let is_foreign = match &redirect.issuer {
        Some(issuer) => *issuer != metadata.issuer,
        None => metadata.authorization_response_iss_parameter_supported,
    };
    if is_foreign {
        let message = "the browser came back from another identity provider than it was sent to";
        return Err(Trouble::new(Kind::Mismatch, message).into());
    }
    match (redirect.error.as_deref(), &redirect.code) {
        (Some("access_denied"), _) => Err(End::Denied),
        (Some(word), _) => {
            let why = redirect.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            let message = format!("the identity provider refused with `{word}`{why}");
            Err(Trouble::new(Kind::Refused(word.to_owned()), message).into())
        }
        (None, Some(code)) => Ok(code),
        (None, None) => Err(Trouble::new(Kind::Failed, "the browser came back without a code").into()),
    }
}

/// Where the provider sends the browser: the daemon itself. Pasting works with a port that is somebody else's.
fn redirect_uri(
    arrivals: &Arrivals,
    settings: &IssuerSettings,
    method: Method,
    path: &str,
) -> Result<String, Trouble> {
    let callback = |address: SocketAddr| format!("http://{address}{path}");
    let fixed = &settings.redirect_ports;
    let Some(first) = fixed.first() else {
        let usual = arrivals.usual.ok_or_else(|| {
            Trouble::new(Kind::Failed, "the daemon has no address that a browser could come back to")
        })?;
        return Ok(callback(usual));
    };
    let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    match fixed.iter().find(|port| arrivals.fixed.contains(port)) {
        Some(port) => Ok(callback(local(*port))),
        None if method == Method::Paste => Ok(callback(local(*first))),
        None => {
            let ports: Vec<String> = fixed.iter().map(u16::to_string).collect();
            let message = format!("another program uses the ports for signing in ({})", ports.join(", "));
            Err(Trouble::new(Kind::PortTaken, message))
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_add(millis)).unwrap_or(now)
}
