//! What `doctor` learns from the machine itself: its clock, and proxy settings that catch calls to the daemon.

use std::ffi::OsString;

use usher_domain::ambient::Ambient;
use usher_wire::Timestamp;

use super::Check;

/// No clock that is right shows a time before this program was written, or one this far ahead.
const PLAUSIBLE: [&str; 2] = ["2026-01-01", "2100-01-01"];

pub(super) fn checks() -> Vec<Check> {
    vec![clock(Ambient::of_this_machine().now()), proxy(|name| std::env::var_os(name))]
}

fn clock(now: Timestamp) -> Check {
    let [earliest, latest] =
        PLAUSIBLE.map(|day| day.parse::<Timestamp>().expect("both days are written above"));
    if (earliest..latest).contains(&now) {
        return Check::fine("clock", "shows a plausible time");
    }
    Check::wrong("clock", format!("shows {now}"), "set the clock: sign-ins and policies depend on it")
}

/// Calls to the daemon are plain HTTP on this machine. This program never sends them through a proxy, others do.
fn proxy(variable: impl Fn(&str) -> Option<OsString>) -> Check {
    let filled = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    let set: Vec<_> =
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].into_iter().filter(filled).collect();
    if set.is_empty() {
        return Check::fine("proxy", "no proxy is set for calls to the daemon");
    }
    let excluded = ["NO_PROXY", "no_proxy"].iter().find_map(|name| variable(name)).unwrap_or_default();
    let excluded = excluded.to_string_lossy().to_lowercase();
    let entries: Vec<_> = excluded.split([',', ' ']).map(str::trim).collect();
    if entries.contains(&"*") || ["127.0.0.1", "localhost"].iter().all(|host| entries.contains(host)) {
        return Check::fine("proxy", format!("{} does not apply to this machine", set.join(", ")));
    }
    Check::wrong(
        "proxy",
        format!(
            "{} is set and also applies to this machine, so other tools may miss the daemon",
            set.join(", ")
        ),
        "add `127.0.0.1,localhost,::1` to NO_PROXY and no_proxy",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_out_of_its_mind_is_wrong() {
        assert!(clock("2026-11-21".parse().unwrap()).ok);
        for wrong in ["1970-01-01T00:00:07Z", "2219-01-01"] {
            assert!(!clock(wrong.parse().unwrap()).ok, "{wrong}");
        }
    }

    #[test]
    fn a_proxy_that_catches_calls_to_the_daemon_is_wrong() {
        let with = |set: &'static [(&'static str, &'static str)]| {
            proxy(move |name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            })
        };
        assert!(with(&[]).ok);
        assert!(with(&[("HTTPS_PROXY", "http://proxy:8080")]).ok);
        assert!(with(&[("http_proxy", "http://p:1"), ("no_proxy", "example.org, LOCALHOST,127.0.0.1")]).ok);
        assert!(with(&[("ALL_PROXY", "socks5://p:1"), ("NO_PROXY", "*")]).ok);
        let check = with(&[("http_proxy", "http://ada:secret@p:1"), ("NO_PROXY", "localhost")]);
        assert!(!check.ok);
        assert!(!format!("{check:?}").contains("secret"));
    }
}
