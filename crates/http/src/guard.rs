//! The guard: what every request passes before anything else sees it. A local port is reachable by every web page the
//! user opens, so a request must name us as its host and must not come from a page of somebody else.

use axum::http::{HeaderMap, HeaderValue, Method, Request, header};
use usher_wire::{Code, Error};

use crate::error::Failure;

/// The names one listener answers to.
#[derive(Debug, Clone)]
pub struct Guard {
    hosts: Vec<String>,
}

impl Guard {
    /// A guard for a listener on `port`: loopback names with that port, and the `extra` host names as they are.
    pub fn new(port: u16, extra: &[String]) -> Self {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            hosts.extend(names.map(str::to_owned));
        }
        hosts.extend(extra.iter().map(|host| host.to_ascii_lowercase()));
        Self { hosts }
    }

    /// Refuses what a hostile page or a rebound name can send.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Failure> {
        self.check_host(request)?;
        let headers = request.headers();
        self.check_origin(headers)?;
        if request.method() != Method::GET && request.method() != Method::HEAD && is_form(headers) {
            return Err(Failure::media_type());
        }
        Ok(())
    }

    /// A rebound name carries neither `Origin` nor `Sec-Fetch-*`; only the host tells it.
    fn check_host<B>(&self, request: &Request<B>) -> Result<(), Failure> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let only = match (hosts.next(), hosts.next()) {
            (Some(host), None) => self.is_own(host),
            _ => false,
        };
        let target = request.uri().authority().is_none_or(|target| self.is_own_text(target.as_str()));
        if only && target {
            return Ok(());
        }
        Err(refused(
            "the `Host` is not a name of this daemon: call it as `127.0.0.1`, `localhost` or `[::1]`",
        ))
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let is_own = |origin: &HeaderValue| {
            origin
                .to_str()
                .ok()
                .and_then(|text| text.strip_prefix("http://"))
                .is_some_and(|own| self.is_own_text(own))
        };
        if !origins.all(is_own) {
            return Err(refused("pages of this origin may not call this daemon"));
        }
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        match site {
            None | Some(b"none" | b"same-origin") => Ok(()),
            Some(_) => Err(refused("other sites may not call this daemon")),
        }
    }

    fn is_own(&self, host: &HeaderValue) -> bool {
        host.to_str().is_ok_and(|host| self.is_own_text(host))
    }

    fn is_own_text(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

fn refused(message: &str) -> Failure {
    Error::new(Code::NotAllowed, message).into()
}

/// The content types a page can send anywhere without asking first.
fn is_form(headers: &HeaderMap) -> bool {
    let essence = |value: &HeaderValue| {
        value.to_str().map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    };
    headers.get_all(header::CONTENT_TYPE).iter().any(|value| {
        essence(value).is_ok_and(|essence| {
            matches!(
                essence.as_str(),
                "text/plain" | "multipart/form-data" | "application/x-www-form-urlencoded"
            )
        })
    })
}
