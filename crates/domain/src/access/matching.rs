//! When an application, a bundle or a website is the one a policy names. An entry that cannot be read matches nothing.

use std::net::Ipv6Addr;

use url::{Host, Url};

/// Whether two application names mean the same program: case, outer blanks, `.exe` and `.app` do not count.
pub(crate) fn same_application(entry: &str, name: &str) -> bool {
    let entry = program(entry);
    !entry.is_empty() && same_text(entry, program(name))
}

/// Whether two bundle identifiers are the same; case and outer blanks do not count.
pub(crate) fn same_bundle(entry: &str, bundle: &str) -> bool {
    let entry = entry.trim();
    !entry.is_empty() && same_text(entry, bundle.trim())
}

/// The name without blanks around it and without the suffix of its file.
fn program(name: &str) -> &str {
    let name = name.trim();
    match name.rsplit_once('.') {
        Some((stem, suffix)) if suffix.eq_ignore_ascii_case("exe") || suffix.eq_ignore_ascii_case("app") => {
            let stem = stem.trim_end();
            if stem.is_empty() { name } else { stem }
        }
        _ => name,
    }
}

/// Equality without regard to case, in any script.
fn same_text(a: &str, b: &str) -> bool {
    // Through upper case first: it joins letters with two lower-case forms, such as the final sigma.
    let folded = |c: char| c.to_uppercase().flat_map(char::to_lowercase);
    a.eq_ignore_ascii_case(b) || a.chars().flat_map(folded).eq(b.chars().flat_map(folded))
}

/// A page or a part of the web, reduced to what a policy compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Website {
    host: Host<String>,
    /// `None` for the default ports of the web.
    port: Option<u16>,
    path: String,
}

impl Website {
    /// Reads a URL with or without its scheme; `None` when it names no host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = address(text)?;
        let host = match url.host()? {
            Host::Domain(name) => Host::Domain(bare(name)?.to_owned()),
            Host::Ipv4(ip) => Host::Ipv4(ip),
            Host::Ipv6(ip) => ip.to_ipv4_mapped().map_or(Host::Ipv6(ip), Host::Ipv4),
        };
        // The scheme does not count, so the default port of either does not.
        let port = url.port().filter(|port| !matches!(port, 80 | 443));
        Some(Self { host, port, path: url.path().to_owned() })
    }

    /// Whether this page is on the host of the entry or a subdomain, at or below its path.
    pub(crate) fn is_within(&self, entry: &str) -> bool {
        if let (Host::Domain(host), Some(plain)) = (&self.host, plain_host(entry))
            && !is_at_or_below(host, plain)
        {
            // The common case, many entries about other hosts, needs no parsing.
            return false;
        }
        Self::parse(entry).is_some_and(|entry| self.is_part_of(&entry))
    }

    fn is_part_of(&self, whole: &Self) -> bool {
        let on_host = match (&self.host, &whole.host) {
            (Host::Domain(host), Host::Domain(ancestor)) => is_at_or_below(host, ancestor),
            (host, other) => host == other,
        };
        // An entry without a port means every port.
        let on_port = whole.port.is_none() || whole.port == self.port;
        let mut segments = segments(&self.path);
        on_host
            && on_port
            && self::segments(&whole.path)
                .all(|wanted| segments.next().is_some_and(|own| same_segment(own, wanted)))
    }
}

/// The text as an absolute URL. What does not say `http`, `https`, `ws` or `wss` is read as if it said `https`.
fn address(text: &str) -> Option<Url> {
    let mut text = text.trim();
    // Browsers show and hand out pages under these prefixes; the page is what follows.
    while let Some(rest) = strip_prefix(text, "view-source:").or_else(|| strip_prefix(text, "blob:")) {
        text = rest.trim_start();
    }
    if ["http:", "https:", "ws:", "wss:"].iter().any(|scheme| strip_prefix(text, scheme).is_some()) {
        return Url::parse(text).ok();
    }
    if let Ok(ip) = text.parse::<Ipv6Addr>() {
        return Url::parse(&format!("https://[{ip}]")).ok();
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => text.strip_prefix("//").unwrap_or(text),
    };
    // A path of this machine: the parser would take its first directory for the host.
    if rest.starts_with(['/', '\\']) {
        return None;
    }
    Url::parse(&format!("https://{rest}")).ok()
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `str::strip_prefix` without regard to ASCII case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A domain name without the dots around it, the `*.` of a wildcard and `www.`; `None` when nothing is left.
fn bare(name: &str) -> Option<&str> {
    let name = name.trim_matches('.');
    let name = name.strip_prefix("*.").unwrap_or(name);
    // `www.com` is a name of its own: without its `www.` it would mean all of `com`.
    let name = strip_prefix(name, "www.").filter(|rest| rest.contains('.')).unwrap_or(name);
    (!name.is_empty()).then_some(name)
}

/// The host of an entry written so plainly that parsing could not change it; `None` when only the parser can tell.
fn plain_host(entry: &str) -> Option<&str> {
    let entry = entry.trim();
    let rest = entry.strip_prefix("https://").or_else(|| entry.strip_prefix("http://")).unwrap_or(entry);
    let authority = rest.split(['/', '?', '#']).next()?;
    let is_plain = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if is_plain { bare(authority) } else { None }
}

/// Whether a domain name is the other one or a subdomain of it.
fn is_at_or_below(name: &str, ancestor: &str) -> bool {
    let (name, ancestor) = (name.as_bytes(), ancestor.as_bytes());
    let Some(at) = name.len().checked_sub(ancestor.len()) else { return false };
    name[at..].eq_ignore_ascii_case(ancestor) && (at == 0 || name[at - 1] == b'.')
}

/// The parts of a path; doubled and trailing slashes make none.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Whether two parts of a path are the same once percent-decoded.
fn same_segment(a: &str, b: &str) -> bool {
    decoded(a).eq(decoded(b))
}

fn decoded(segment: &str) -> impl Iterator<Item = u8> {
    let mut rest = segment.as_bytes();
    std::iter::from_fn(move || {
        let (byte, tail) = first_decoded(rest)?;
        rest = tail;
        Some(byte)
    })
}

fn first_decoded(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if let [b'%', high, low, tail @ ..] = bytes
        && let (Some(high), Some(low)) = (digit(*high), digit(*low))
    {
        return Some((high << 4 | low, tail));
    }
    bytes.split_first().map(|(byte, tail)| (*byte, tail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn within(page: &str, entry: &str) -> bool {
        Website::parse(page).unwrap_or_else(|| panic!("{page} is no website")).is_within(entry)
    }

    #[test]
    fn application_names() {
        let same = [
            ("Slack", "slack"),
            ("  Slack ", "SLACK"),
            ("chrome.exe", "Chrome"),
            ("Safari", "Safari.app"),
            ("Code.EXE", "code.App"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("Google Chrome .exe", "google chrome"),
            ("my.tool.exe", "my.tool"),
            (".exe", ".EXE"),
        ];
        for (entry, name) in same {
            assert!(same_application(entry, name), "{entry:?} and {name:?}");
        }
        let different = [
            ("", ""),
            ("  ", "Slack"),
            (".exe", ""),
            (".exe", "Slack.exe"),
            ("Slack", "Slack Helper"),
            ("Google Chrome", "GoogleChrome"),
            ("my.tool", "my"),
            ("app", "Slack.app"),
        ];
        for (entry, name) in different {
            assert!(!same_application(entry, name), "{entry:?} and {name:?}");
        }
    }

    #[test]
    fn bundle_identifiers() {
        assert!(same_bundle(" com.tinyspeck.SlackMacGap", "COM.tinyspeck.slackmacgap "));
        assert!(!same_bundle("com.tinyspeck", "com.tinyspeck.slackmacgap"));
        assert!(!same_bundle("com.example.app", "com.example"), "`.app` counts in a bundle identifier");
        assert!(!same_bundle("", ""));
        assert!(!same_bundle(" ", ""));
    }

    #[test]
    fn an_entry_without_a_path_covers_host_and_subdomains() {
        let inside = [
            ("https://example.com", "example.com"),
            ("example.com/x?y#z", "https://example.com/"),
            ("http://mail.example.com/inbox", "example.com"),
            ("a.b.example.com", "EXAMPLE.com"),
            ("https://www.example.com", "example.com"),
            ("https://example.com", "WWW.example.com"),
            ("https://mail.example.com", "https://www.example.com"),
            ("https://example.com:443/", "http://example.com:80"),
            ("https://example.com", "http://example.com:443"),
            ("example.com:8443", "example.com"),
            ("example.com:8443", "example.com:8443"),
            ("https://example.com.", "example.com"),
            ("https://example.com", "example.com."),
            ("https://user:secret@example.com/", "example.com"),
            ("https://example.com/", "https://user@example.com"),
            ("https://bücher.example/", "xn--bcher-kva.example"),
            ("https://xn--bcher-kva.example/", "BÜCHER.example"),
            ("https://ex%61mple.com/", "example.com"),
            ("https://example.com/", "ex%61mple.com"),
            ("https://example。com/", "example.com"),
            ("//example.com/x", "example.com"),
            ("https:/example.com/x", "example.com"),
            (" HTTPS://EXAMPLE.COM ", "example.com"),
            ("wss://example.com/socket", "example.com"),
            ("view-source:https://example.com/", "example.com"),
            ("blob:https://example.com/0b7c", "example.com"),
            ("example.com/?next=https://other.example", "example.com"),
            ("mail.example.com", "*.example.com"),
            ("mail.example.com", ".example.com"),
            ("localhost:3000", "localhost"),
            ("www.com", "www.com"),
            ("http://127.0.0.1:8080/x", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://[::1]:8080/", "[::1]"),
            ("http://[0:0::1]/", "::1"),
            ("http://[::ffff:127.0.0.1]/", "127.0.0.1"),
            ("chrome-extension://abcdef/page", "abcdef"),
        ];
        for (page, entry) in inside {
            assert!(within(page, entry), "{page:?} is within {entry:?}");
        }
    }

    #[test]
    fn an_entry_covers_no_other_host() {
        let outside = [
            ("https://example.com", "mail.example.com"),
            ("https://notexample.com", "example.com"),
            ("https://example.com.evil.test", "example.com"),
            ("https://evil.test/example.com", "example.com"),
            ("https://example.com@evil.test/", "example.com"),
            ("https://evil.test/?u=https://example.com", "example.com"),
            ("https://evil.test/#example.com", "example.com"),
            ("https://other.com", "www.com"),
            ("https://example.com", "example.com:8443"),
            ("https://example.com:8444", "example.com:8443"),
            ("http://10.127.0.0.1.test", "127.0.0.1"),
            ("http://1.2.3.4", "2.3.4"),
            ("http://[::2]", "[::1]"),
        ];
        for (page, entry) in outside {
            assert!(!within(page, entry), "{page:?} is not within {entry:?}");
        }
    }

    #[test]
    fn an_entry_with_a_path_covers_that_path_and_below() {
        let inside = [
            ("https://example.com/a", "example.com/a"),
            ("https://example.com/a/", "example.com/a"),
            ("https://example.com/a", "example.com/a/"),
            ("https://example.com/a/b?c=d", "example.com/a"),
            ("https://mail.example.com/a/b", "https://www.example.com/a"),
            ("https://example.com/x/../a", "example.com/a"),
            ("https://example.com/x/%2e%2E/a", "example.com/a"),
            ("https://example.com//a", "example.com/a"),
            ("https://example.com/%61/b", "example.com/a"),
            ("https://example.com/ä", "example.com/%C3%A4"),
            ("https://example.com\\a\\b", "example.com/a"),
            ("https://example.com/a?x=1", "example.com/a?x=2#y"),
            ("https://example.com/100%", "example.com/100%25"),
        ];
        for (page, entry) in inside {
            assert!(within(page, entry), "{page:?} is within {entry:?}");
        }
        let outside = [
            ("https://example.com/", "example.com/a"),
            ("https://example.com/ab", "example.com/a"),
            ("https://example.com/b/a", "example.com/a"),
            ("https://example.com/A", "example.com/a"),
            ("https://example.com/a%2Fb", "example.com/a/b"),
            ("https://other.com/a", "example.com/a"),
            ("https://example.com/?/a", "example.com/a"),
        ];
        for (page, entry) in outside {
            assert!(!within(page, entry), "{page:?} is not within {entry:?}");
        }
    }

    #[test]
    fn what_names_no_host_is_no_website() {
        let texts = [
            "",
            "  ",
            "https://",
            "http:///",
            "://",
            "//",
            "/etc/passwd",
            "///etc/passwd",
            "file:///etc/passwd",
            "\\\\server\\share",
            "about:blank",
            "javascript:alert(1)",
            "https://exa mple.com",
            "https://[::1",
            "https://example.com:99999",
            "not a site",
            "https://.",
            "%",
            "view-source:",
            "blob:blob:",
            "https://exa<mple.com",
            "http://1.2.3.4.5",
        ];
        for text in texts {
            assert_eq!(Website::parse(text), None, "{text:?}");
            assert!(!within("https://example.com", text), "{text:?} matches nothing");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(page in any::<String>(), entry in any::<String>()) {
            let _ = same_application(&entry, &page);
            let _ = same_bundle(&entry, &page);
            if let Some(page) = Website::parse(&page) {
                let _ = page.is_within(&entry);
            }
        }

        #[test]
        fn every_website_is_within_itself(text in "(https?://)?(www\\.)?[a-zA-Zäöü.]{1,12}(:[0-9]{1,4})?(/[a-z%0-9./]{0,9})?") {
            if let Some(page) = Website::parse(&text) {
                prop_assert!(page.is_within(&text));
            }
        }

        #[test]
        fn the_short_cut_answers_as_the_parser(
            page in "(https?://)?(www\\.)?([ab]{1,2}\\.){0,2}(test|TEST|1)\\.?(/a)?",
            entry in "(https?:/?/?|//|u@|blob:)?(\\*\\.|www\\.|WWW\\.|\\.)?([abAB%]{1,2}\\.){0,2}(test|TEST|1|0x1)\\.?(:80)?(/a|\\\\a|\\?a)?",
        ) {
            if let Some(page) = Website::parse(&page) {
                let parsed = Website::parse(&entry).is_some_and(|entry| page.is_part_of(&entry));
                prop_assert_eq!(page.is_within(&entry), parsed);
            }
        }
    }
}
