//! The page `/` of a real daemon as a browser without scripts gets it, and its forms as that sends them. Here is what its
//! tests share; `tests/browser/page*.mjs` look at it with a real browser.

mod forms;
mod refusals;
mod view;

use crate::{
    daemon::Daemon,
    http::{Reply, ask, get},
};

/// The type of a form's body.
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// The page.
pub(crate) fn page(url: &str) -> String {
    let reply = get(url, "/");
    assert_eq!(reply.status, 200, "{reply}");
    reply.text()
}

/// The fields of a form as a body.
fn body(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let fields = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    fields.collect::<Vec<_>>().join("&")
}

/// Sends a form as the browser does that shows the page.
fn send(url: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let own = [FORM, ("Origin", url), ("Sec-Fetch-Site", "same-origin")];
    ask(url, "POST", path, &own, body(fields).as_bytes())
}

/// The same, and where it leads: the page, with a notice if there is one.
pub(crate) fn submit(url: &str, path: &str, fields: &[(&str, &str)]) -> String {
    let reply = send(url, path, fields);
    assert_eq!(reply.status, 303, "{path}: {reply}");
    let place = reply.header("location").unwrap().to_owned();
    let is_number = |place: &str| place.strip_prefix("/?told=").is_some_and(|n| n.parse::<u64>().is_ok());
    assert!(place == "/#sign-in" || is_number(&place), "{place}");
    let reply = get(url, place.trim_end_matches("#sign-in"));
    assert_eq!(reply.status, 200, "{reply}");
    reply.text()
}

/// The notice on a page; empty when there is none.
pub(crate) fn notice(page: &str) -> String {
    let text = page.split_once("id=\"notice\"").map(|(_, rest)| rest.split_once('>').unwrap().1);
    let text =
        text.map(|rest| rest.split_once("</p>").unwrap().0.replace("<strong>", "").replace("</strong>", ""));
    text.unwrap_or_default()
}

/// The ids of what was done, the earliest first.
fn record(daemon: &Daemon) -> Vec<[String; 2]> {
    let audit = get(daemon.url(), "/audit").json();
    let member = |entry: &serde_json::Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entries = audit["iterable"].as_array().unwrap().iter().rev();
    entries.map(|entry| ["action", "user"].map(|name| member(entry, name))).collect()
}
