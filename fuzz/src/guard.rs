//! The guard: what it lets in names this daemon as its host, comes from no foreign page but an approved one, and is no
//! form, unless the page `/` sends it to where its forms go.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Request};
use usher_http::{Guard, Mode};
use usher_wire::Pages;

const PORT: u16 = 39300;
const EXTRA: &str = "usher.test";
const OWN: [&str; 4] = ["127.0.0.1:39300", "localhost:39300", "[::1]:39300", EXTRA];
const FORMS: [&str; 3] = ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"];

/// Where the page `/` sends its forms, and nobody else may send anything.
const ACTIONS: [&str; 7] = [
    "/page/switch",
    "/page/sign-out",
    "/page/remove",
    "/page/local",
    "/page/sign-in",
    "/page/paste",
    "/page/cancel",
];

/// The one origin somebody approved.
const APPROVED: &str = "http://approved.test:8888";

struct OneApproved;

impl Pages for OneApproved {
    fn verdict(&self, origin: &str) -> Option<bool> {
        (origin == APPROVED).then_some(true)
    }
}

/// Reads the bytes as the head of a request and shows it to the guard.
pub fn guard(data: &[u8]) {
    let Some(request) = request(data) else { return };
    if !Guard::new(PORT, &[EXTRA.to_owned()], Arc::new(OneApproved), Mode::Strict).admits(&request) {
        return;
    }
    let all = |name: &str| -> Vec<String> {
        let values = request.headers().get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase()).collect()
    };
    let hosts = all("host");
    assert!(hosts.len() == 1 && OWN.contains(&hosts[0].as_str()), "admitted hosts {hosts:?}");
    let target = request.uri().authority().map(|target| target.as_str().to_ascii_lowercase());
    assert!(target.as_deref().is_none_or(|target| OWN.contains(&target)), "admitted target {target:?}");
    let origins = all("origin");
    let is_approved = origins == [APPROVED];
    let is_own = |origin: &str| origin.strip_prefix("http://").is_some_and(|host| OWN.contains(&host));
    // The paths to which an identity provider may send the browser, as a page of its own or as a form.
    let navigates = all("sec-fetch-dest").iter().all(|place| place == "document");
    let content_types = all("content-type");
    let is_form_post = *request.method() == Method::POST
        && request.uri().path() == "/pkce/response/code"
        && content_types.len() == 1
        && content_types[0].split(';').next().unwrap_or_default().trim_ascii() == FORMS[2]
        && origins.len() < 2
        && navigates;
    assert!(
        is_approved || is_form_post || origins.iter().all(|origin| is_own(origin)),
        "admitted origins {origins:?}"
    );
    let sites = all("sec-fetch-site");
    let is_here = |site: &String| ["none", "same-origin"].contains(&site.as_str());
    let comes_back = request.method() == Method::GET
        && request.uri().path() == "/sign-in/callback"
        && origins.is_empty()
        && navigates;
    assert!(
        is_approved || comes_back || (is_form_post && !origins.is_empty()) || sites.iter().all(is_here),
        "admitted sites {sites:?}"
    );
    // With another method nothing is there.
    let leads_nowhere = request.uri().path() == "/pkce/response/code" && *request.method() != Method::POST;
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    if reads || leads_nowhere || is_form_post {
        return;
    }
    if ACTIONS.contains(&request.uri().path()) {
        assert_eq!(origins, [format!("http://{}", hosts[0])], "admitted action");
        assert!(sites.iter().all(|site| site == "same-origin"), "admitted action of {sites:?}");
    } else {
        for kind in content_types {
            let essence = kind.split(';').next().unwrap_or_default().trim_ascii();
            assert!(!FORMS.contains(&essence), "admitted form {kind}");
        }
    }
}

/// Method and target on a line, then a header on each line; lines that can be none are left out.
fn request(data: &[u8]) -> Option<Request<()>> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?).body(()).ok()?;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers_mut().try_append(name, value).ok()?;
        }
    }
    Some(request)
}
