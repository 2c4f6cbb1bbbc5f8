//! Requests to identity providers: through the system's proxy and trust store, but never through a proxy to this
//! machine; no redirects, bounded in time and size.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::trouble::{Kind, Result, Trouble};

/// No document of a provider comes near it.
const LARGEST: usize = 1024 * 1024;

/// The two ways out, each made at its first use: reading the system's roots is nothing for every start.
pub struct Outbound {
    within: Duration,
    far: OnceLock<Client>,
    near: OnceLock<Client>,
}

impl Outbound {
    /// Every exchange ends `within` this time.
    pub fn new(within: Duration) -> Self {
        Self { within, far: OnceLock::new(), near: OnceLock::new() }
    }

    fn client(&self, url: &Url) -> Result<&Client> {
        let is_near = is_loopback(url);
        let place = if is_near { &self.near } else { &self.far };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let builder = Client::builder()
            .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")))
            .timeout(self.within)
            .connect_timeout(self.within)
            // A token must not follow a redirect to somewhere else.
            .redirect(reqwest::redirect::Policy::none());
        let builder = if is_near { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| {
            Trouble::new(Kind::Unreachable, format!("HTTPS cannot be set up ({})", cause(&error)))
        })?;
        Ok(place.get_or_init(|| client))
    }

    /// A document.
    pub async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T> {
        self.json(url, self.client(url)?.get(url.clone())).await
    }

    /// A document, and the `Date` of its answer.
    pub async fn get_dated<T: DeserializeOwned>(&self, url: &Url) -> Result<(T, Option<String>)> {
        let request = self.client(url)?.get(url.clone()).header("accept", "application/json");
        let (body, date) = self.answer(url, request).await?;
        Ok((parse(url, &body)?, date))
    }

    /// A document for the bearer of this token.
    pub async fn get_as<T: DeserializeOwned>(&self, url: &Url, token: &str) -> Result<T> {
        self.json(url, self.client(url)?.get(url.clone()).bearer_auth(token)).await
    }

    /// What a form is answered with.
    pub async fn post<T: DeserializeOwned>(&self, url: &Url, form: &[(&str, &str)]) -> Result<T> {
        self.json(url, self.client(url)?.post(url.clone()).form(form)).await
    }

    /// Sends a form whose answer says nothing.
    pub async fn tell(&self, url: &Url, form: &[(&str, &str)]) -> Result<()> {
        self.answer(url, self.client(url)?.post(url.clone()).form(form)).await.map(drop)
    }

    async fn json<T: DeserializeOwned>(&self, url: &Url, request: RequestBuilder) -> Result<T> {
        let (body, _) = self.answer(url, request.header("accept", "application/json")).await?;
        parse(url, &body)
    }

    async fn answer(&self, url: &Url, request: RequestBuilder) -> Result<(Vec<u8>, Option<String>)> {
        let response = request.send().await.map_err(|error| broken(url, &error))?;
        let status = response.status();
        let date = response.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned);
        let body = read(url, response).await?;
        if status.is_success() { Ok((body, date)) } else { Err(refused(url, status, &body)) }
    }
}

fn parse<T: DeserializeOwned>(url: &Url, body: &[u8]) -> Result<T> {
    // What serde says may quote the document, and that may hold a token.
    serde_json::from_slice(body).map_err(|_| {
        Trouble::new(Kind::Failed, format!("{} answered something that is not the expected JSON", place(url)))
    })
}

async fn read(url: &Url, mut response: Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(url, &error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(Trouble::new(Kind::Failed, format!("{} answered more than 1 MiB", place(url))));
        }
    }
    Ok(body)
}

/// An error as RFC 6749 writes it; anything else is a provider that does not work.
fn refused(url: &Url, status: StatusCode, body: &[u8]) -> Trouble {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        error_description: Option<String>,
    }
    let place = place(url);
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) if status.is_client_error() => {
            let why = refusal.error_description.map(|why| format!(": {}", plain(&why))).unwrap_or_default();
            let word = plain(&refusal.error);
            Trouble::new(Kind::Refused(word.clone()), format!("{place} refused with `{word}`{why}"))
        }
        _ => Trouble::new(Kind::Failed, format!("{place} answered with status {}", status.as_u16())),
    }
}

fn broken(url: &Url, error: &reqwest::Error) -> Trouble {
    let place = place(url);
    if error.is_connect() {
        return Trouble::new(Kind::Unreachable, format!("{place} cannot be reached ({})", cause(error)));
    }
    let why = if error.is_timeout() { "no answer in time".to_owned() } else { cause(error) };
    Trouble::new(Kind::Lost, format!("{place} did not answer ({why})"))
}

/// Host and path: a query may hold what nobody should read.
fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Text of others, short and without control characters.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The innermost reason.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether a URL stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether secrets may be sent there.
pub(crate) fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}
