//! Who may not use the forms of the page: everybody but the page itself.

use super::{FORM, body};
use crate::{
    daemon::Daemon,
    http::{Reply, ask, get, post_json},
    steps::{sign_in, state},
};

const ACTIONS: [&str; 7] = ["switch", "sign-out", "remove", "local", "sign-in", "paste", "cancel"];

/// A daemon with something to spoil, and each form with the fields that would do it.
fn with_something_to_lose() -> (Daemon, Vec<(String, String)>) {
    let daemon = Daemon::start();
    let grace = sign_in(daemon.url(), "grace@example.org");
    let ada = sign_in(daemon.url(), "ada@example.org");
    let forms = ACTIONS.map(|action| {
        let fields = match action {
            "switch" => vec![("user", grace.as_str())],
            "sign-out" | "remove" => vec![("user", ada.as_str())],
            "local" => vec![("name", "Eve"), ("email", "eve@example.org")],
            "sign-in" => vec![("method", "browser")],
            _ => vec![("sign_in", "x"), ("url", "http://x")],
        };
        (format!("/page/{action}"), body(&fields))
    });
    (daemon, forms.into())
}

/// Sends every form with these headers, and wants each answered so, without effect.
#[track_caller]
fn all_are(status: u16, code: &str, headers: impl Fn(&str) -> Vec<(&'static str, String)>) {
    let (daemon, forms) = with_something_to_lose();
    let before = (state(daemon.url()), get(daemon.url(), "/audit").text());
    for (path, body) in forms {
        let headers = headers(daemon.url());
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = ask(daemon.url(), "POST", &path, &headers, body.as_bytes());
        assert_eq!(reply.outcome(), (status, code), "{path} {headers:?}: {reply}");
    }
    assert_eq!((state(daemon.url()), get(daemon.url(), "/audit").text()), before);
}

fn form_from(origin: &str, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let headers = [FORM, ("Origin", origin)].into_iter().chain(more.iter().copied());
    headers.map(|(name, value)| (name, value.to_owned())).collect()
}

#[test]
fn a_form_without_an_origin() {
    all_are(403, "not_allowed", |_| vec![(FORM.0, FORM.1.into())]);
    all_are(403, "not_allowed", |_| vec![(FORM.0, FORM.1.into()), ("Sec-Fetch-Site", "same-origin".into())]);
}

#[test]
fn a_form_of_a_page_elsewhere() {
    for origin in ["null", "http://evil.example", "https://127.0.0.1"] {
        all_are(403, "not_allowed", |_| form_from(origin, &[]));
    }
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    all_are(403, "not_allowed", |_| form_from("http://127.0.0.1:1", &[]));
    all_are(403, "not_allowed", |url| form_from(&format!("https://127.0.0.1:{}", port(url)), &[]));
    // The same daemon, and another origin by the browser's rules.
    all_are(403, "not_allowed", |url| form_from(&format!("http://localhost:{}", port(url)), &[]));
}

#[test]
fn a_form_that_the_browser_says_comes_from_elsewhere() {
    for site in ["cross-site", "same-site", "none", ""] {
        all_are(403, "not_allowed", |url| form_from(url, &[("Sec-Fetch-Site", site)]));
    }
    all_are(403, "not_allowed", |url| {
        form_from(url, &[("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")])
    });
}

#[test]
fn a_form_of_an_approved_page_or_of_another_port_of_the_daemon() {
    let (daemon, forms) = with_something_to_lose();
    let other = "http://127.0.0.1:2";
    let decision = serde_json::json!({ "origin": other, "allowed": true });
    assert_eq!(post_json(daemon.url(), "/origins", &decision).status, 200);
    let before = state(daemon.url());
    for (path, body) in &forms {
        let reply = ask(daemon.url(), "POST", path, &[FORM, ("Origin", other)], body.as_bytes());
        assert_eq!(reply.outcome(), (403, "not_allowed"), "{path}: {reply}");
    }
    assert_eq!(state(daemon.url()), before);
    // Nor is the page for it.
    assert_eq!(ask(daemon.url(), "GET", "/", &[("Origin", other)], b"").outcome(), (403, "not_allowed"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_of_another_port_of_the_same_daemon() {
    use crate::{daemon::Scratch, process};
    let scratch = Scratch::new();
    let arguments = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"];
    let daemon = process::Process::start(&mut process::serve(&scratch, &[], &arguments));
    let (here, there) = (daemon.url(), daemon.url());
    sign_in(&here, "ada@example.org");
    let form =
        |from: &str| ask(&here, "POST", "/page/local", &[FORM, ("Origin", from)], b"name=Eve&email=e%40x");
    assert_eq!(form(&there).outcome(), (403, "not_allowed"));
    assert_eq!(crate::steps::user(&here)["email"], "ada@example.org");
    assert_eq!((form(&here).status, &crate::steps::user(&here)["name"]), (303, &"Eve".into()));
}

#[test]
fn what_is_no_form() {
    let own = |kind: &'static str| {
        move |url: &str| vec![("Content-Type", kind.to_owned()), ("Origin", url.to_owned())]
    };
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        all_are(415, "invalid_body", own(kind));
    }
    // Programs have the API.
    all_are(403, "not_allowed", |_| vec![("Content-Type", "application/json".into())]);
}

#[test]
fn other_methods() {
    let (daemon, forms) = with_something_to_lose();
    let before = state(daemon.url());
    let with = |method: &str, path: &str| -> Reply {
        ask(daemon.url(), method, path, &[("Origin", daemon.url()), ("Sec-Fetch-Site", "same-origin")], b"")
    };
    for (path, fields) in forms {
        assert_eq!(with("GET", &format!("{path}?{fields}")).status, 405, "{path}");
        assert_eq!(with("PUT", &format!("{path}?{fields}")).status, 405, "{path}");
        assert_eq!(with("POST", &format!("{path}?{fields}")).status, 415, "{path}");
    }
    assert_eq!(with("POST", "/").status, 405);
    assert_eq!(state(daemon.url()), before);
}

#[test]
fn forms_elsewhere_stay_refused_for_the_page_too() {
    let (daemon, _) = with_something_to_lose();
    let own = [FORM, ("Origin", daemon.url()), ("Sec-Fetch-Site", "same-origin")];
    for path in ["/user/clear", "/os/sign_out", "/page/other", "/page", "/"] {
        ask(daemon.url(), "POST", path, &own, b"user=x").refuses(415, "invalid_body");
    }
}
