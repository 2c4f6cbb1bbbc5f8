//! The guard: what every request passes before anything else sees it. A local port is reachable by every web page the
//! user opens, so a request must name us as its host, and a foreign page must be one that somebody approved.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, Request, header};
use usher_wire::{Code, Error, Page, Pages};

use crate::callback::{is_callback, is_form_post, is_other_method};
use crate::error::Failure;
use crate::network::Network;
use crate::page::is_action;

/// How foreign pages are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Only pages of approved origins may call.
    #[default]
    Strict,
    /// Pages of this machine may call unless they were denied, for clients from before there was an approval. They get
    /// no tokens.
    Legacy,
}

impl Mode {
    /// The word for it in settings and in `GET /status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Legacy => "legacy",
        }
    }
}

/// What one listener lets in.
#[derive(Clone)]
pub struct Guard {
    /// `None`: the listener has no name that could be faked, as a Unix socket.
    hosts: Option<Vec<String>>,
    pages: Arc<dyn Pages>,
    mode: Mode,
    /// `None`: callers are on this machine.
    network: Option<Arc<Network>>,
}

/// A request of a foreign page that was let in.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) page: Page,
    pages: Arc<dyn Pages>,
}

impl Visit {
    /// Whether it still would be.
    pub(crate) fn is_welcome(&self) -> bool {
        self.pages.verdict(&self.page.origin).unwrap_or(!self.page.is_approved)
    }
}

/// Where callers are told apart by their tokens.
struct EveryPage;

impl Pages for EveryPage {
    fn verdict(&self, _: &str) -> Option<bool> {
        Some(true)
    }
}

impl Guard {
    /// A guard for a listener on `port`: loopback names with that port, and the `extra` host names as they are.
    pub fn new(port: u16, extra: &[String], pages: Arc<dyn Pages>, mode: Mode) -> Self {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            hosts.extend(names.map(str::to_owned));
        }
        hosts.extend(extra.iter().map(|host| host.to_ascii_lowercase()));
        Self { hosts: Some(hosts), pages, mode, network: None }
    }

    /// A guard for a Unix socket, which no page can reach and no name leads to.
    pub fn of_socket(pages: Arc<dyn Pages>, mode: Mode) -> Self {
        Self { hosts: None, pages, mode, network: None }
    }

    /// A guard for a service on the network: whatever name leads to it, and pages of every origin, for nobody is let in by
    /// where he is but by the token he sends, which browsers do not send by themselves.
    pub fn of_network(network: Arc<Network>) -> Self {
        Self { hosts: None, pages: Arc::new(EveryPage), mode: Mode::Strict, network: Some(network) }
    }

    /// Whether a request with this head is let in.
    pub fn admits<B>(&self, request: &Request<B>) -> bool {
        self.check(request, None).is_ok() && check_form(request).is_ok()
    }

    /// Refuses what a hostile page or a rebound name can send; answers which foreign page it is that may.
    pub(crate) fn check<B>(
        &self,
        request: &Request<B>,
        address: Option<IpAddr>,
    ) -> Result<Option<Visit>, Failure> {
        if let Some(network) = &self.network {
            network.count(address, request.headers())?;
        } else if request.headers().contains_key("usher-session") {
            // It would take edits and sign-outs of somebody else for those of its own user.
            return Err(refused(
                "this is the daemon of a device, and another device takes it for a cloud: give that one the address of a cloud",
            ));
        }
        self.check_host(request)?;
        self.check_origin(request)
    }

    /// A rebound name carries neither `Origin` nor `Sec-Fetch-*`; only the host tells it.
    fn check_host<B>(&self, request: &Request<B>) -> Result<(), Failure> {
        let Some(own) = &self.hosts else { return Ok(()) };
        let is_own = |host: &str| own.iter().any(|own| own.eq_ignore_ascii_case(host));
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let only = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().is_ok_and(is_own),
            _ => false,
        };
        let target = request.uri().authority().is_none_or(|target| is_own(target.as_str()));
        if only && target {
            return Ok(());
        }
        Err(refused(
            "the `Host` is not a name of this daemon: call it as `127.0.0.1`, `localhost` or `[::1]`",
        ))
    }

    fn check_origin<B>(&self, request: &Request<B>) -> Result<Option<Visit>, Failure> {
        let headers = request.headers();
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let page = match (origins.next(), origins.next()) {
            // An identity provider sends the browser here, which no other site may; the state in its query protects it.
            (None, _) if is_callback(request) => return Ok(None),
            (None, _) => return check_site(headers).map(|()| None),
            // The same as a form, which always names an origin: that of the provider's page.
            (Some(_), None) if is_form_post(request) => return Ok(None),
            (Some(origin), None) => origin.to_str().ok(),
            (Some(_), Some(_)) => None,
        };
        let Some(origin) = page else { return Err(unapproved("it names no single origin")) };
        if self.is_own(origin) {
            return check_site(headers).map(|()| None);
        }
        let verdict = self.pages.verdict(origin);
        if verdict.unwrap_or_else(|| self.mode == Mode::Legacy && is_of_this_machine(origin)) {
            let page = Page { origin: origin.to_owned(), is_approved: verdict == Some(true) };
            return Ok(Some(Visit { page, pages: Arc::clone(&self.pages) }));
        }
        Err(unapproved("its origin is not approved"))
    }

    fn is_own(&self, origin: &str) -> bool {
        let Some((hosts, host)) = self.hosts.as_ref().zip(origin.strip_prefix("http://")) else {
            return false;
        };
        hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

/// Images, scripts and links carry no `Origin`, but browsers say where they come from.
fn check_site(headers: &HeaderMap) -> Result<(), Failure> {
    let mut sites = headers.get_all("sec-fetch-site").iter().map(HeaderValue::as_bytes);
    if sites.all(|site| matches!(site, b"none" | b"same-origin")) {
        return Ok(());
    }
    Err(refused("other sites may not call this daemon: open its address yourself"))
}

/// Whether the page was served by this machine, on whatever port.
fn is_of_this_machine(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else {
        return false;
    };
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| {
        host.strip_prefix(own).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

fn refused(message: &str) -> Failure {
    Error::new(Code::NotAllowed, message).into()
}

fn unapproved(why: &str) -> Failure {
    let next = "if you trust the page, allow it with `usher origins allow ORIGIN`";
    Error::new(Code::NotAllowed, format!("this page may not call this daemon ({why}): {next}")).into()
}

/// The content types a page can send anywhere without asking first.
const FORMS: [&[u8]; 3] = [b"text/plain", b"multipart/form-data", b"application/x-www-form-urlencoded"];

/// Refuses writes that any page could have sent. What the page `/` is for takes forms, and only those it sends itself: a
/// browser tells that by an `Origin` which is just the address the form goes to.
pub(crate) fn check_form<B>(request: &Request<B>) -> Result<(), Failure> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || !is_action(request.uri().path()) {
        return if is_form(request) { Err(Failure::media_type()) } else { Ok(()) };
    }
    let headers = request.headers();
    let (origin, host) = (headers.get(header::ORIGIN), headers.get(header::HOST));
    let is_own = origin.zip(host).is_some_and(|(origin, host)| {
        origin
            .as_bytes()
            .strip_prefix(b"http://")
            .is_some_and(|from| from.eq_ignore_ascii_case(host.as_bytes()))
    });
    let mut sites = headers.get_all("sec-fetch-site").iter();
    if is_own && sites.all(|site| site == "same-origin") {
        return Ok(());
    }
    Err(refused("this form belongs to the daemon's own page: open `/` and use it there"))
}

/// Whether the request writes with one of these. Compares bytes: what a page puts behind the `;` need not be text.
fn is_form<B>(request: &Request<B>) -> bool {
    let is_harmless = matches!(*request.method(), Method::GET | Method::HEAD) || is_other_method(request);
    if is_harmless || is_form_post(request) {
        return false;
    }
    request.headers().get_all(header::CONTENT_TYPE).iter().any(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        FORMS.iter().any(|form| essence.eq_ignore_ascii_case(form))
    })
}
