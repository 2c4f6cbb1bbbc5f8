//! Origins of web pages (RFC 6454): read strictly, written in one way.

use url::{Host, Url};
use usher_wire::{Error, Result};

/// No browser sends a longer one.
const LONGEST: usize = 300;

/// The origin in the spelling browsers send: `http(s)://host[:port]`, or an extension's `scheme://id`.
///
/// # Errors
/// `invalid_value` for what names no single origin: `null`, a pattern, a path, a file.
pub fn parse_origin(text: &str) -> Result<String> {
    let refused = || {
        Error::invalid_value(
            "origin",
            "must be one origin, like `http://localhost:8888` or `chrome-extension://<id>`",
        )
    };
    let text = text.trim().trim_end_matches('/');
    if text.len() > LONGEST || text.chars().any(|char| char.is_whitespace() || char.is_control()) {
        return Err(refused());
    }
    let url = Url::parse(text).map_err(|_| refused())?;
    let is_bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let is_named = match url.host() {
        // A pattern is no name, and would suggest that it matches.
        Some(Host::Domain(name)) => !name.is_empty() && !name.contains('*'),
        Some(_) => true,
        None => false,
    };
    if !is_bare || !is_named || url.scheme() == "file" {
        return Err(refused());
    }
    let origin = url.origin();
    if origin.is_tuple() {
        return Ok(origin.ascii_serialization());
    }
    // Schemes the web does not know keep their own spelling, the host in lower case as browsers send it.
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_has_one_spelling() {
        for (given, origin) in [
            ("http://localhost:8888", "http://localhost:8888"),
            ("HTTP://LOCALHOST:8888/", "http://localhost:8888"),
            ("http://example.org:80", "http://example.org"),
            ("https://example.org:443/", "https://example.org"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("chrome-extension://ABCdef", "chrome-extension://abcdef"),
            (
                "moz-extension://6f0a2d1e-0000-4000-8000-000000000001",
                "moz-extension://6f0a2d1e-0000-4000-8000-000000000001",
            ),
            ("tauri://localhost", "tauri://localhost"),
        ] {
            assert_eq!(parse_origin(given).unwrap(), origin, "{given}");
        }
    }

    #[test]
    fn what_names_no_single_origin_is_refused() {
        for wrong in [
            "",
            "null",
            "*",
            "localhost",
            "http://",
            "http://*.example.org",
            "http://a/b",
            "http://a?b",
            "http://a#b",
            "http://me@a",
            "file:///tmp/page.html",
            "data:text/html,x",
            "javascript:alert(1)",
            "http://a b",
            "http://a\n",
            &format!("http://{}", "a".repeat(300)),
        ] {
            let outcome = parse_origin(wrong);
            if wrong == "http://a\n" {
                assert_eq!(outcome.unwrap(), "http://a", "white space around it is none of it");
            } else {
                assert!(outcome.is_err(), "{wrong:?} became {outcome:?}");
            }
        }
    }
}
