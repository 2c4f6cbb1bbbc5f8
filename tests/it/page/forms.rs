//! Each form of the page: what it does, that it is recorded, and what it says when it cannot.

use serde_json::Value;

use super::{notice, page, record, submit};
use crate::{
    daemon::Daemon,
    http::get,
    steps::{NOBODY, sign_in, user},
};

#[test]
fn a_local_account_is_made_switched_signed_out_and_removed() {
    let daemon = Daemon::start();
    let url = daemon.url();
    let ada = [("name", " Ada Lovelace "), ("email", "ada@example.org")];
    assert_eq!(notice(&submit(url, "/page/local", &ada)), "You are signed in.");
    let ada = user(url)["id"].as_str().unwrap().to_owned();
    assert_eq!(user(url)["name"], "Ada Lovelace");
    submit(url, "/page/local", &[("name", "Grace"), ("email", "grace@example.org")]);
    let grace = user(url)["id"].as_str().unwrap().to_owned();

    let switched = submit(url, "/page/switch", &[("user", &ada)]);
    assert_eq!(
        (notice(&switched).as_str(), user(url)["id"].as_str()),
        ("You switched accounts.", Some(&*ada))
    );
    assert!(submit(url, "/page/sign-out", &[("user", &ada)]).contains("Nobody is signed in"));
    assert_eq!(user(url), Value::Null);
    let removed = submit(url, "/page/remove", &[("user", &grace)]);
    assert_eq!(notice(&removed), "The account was removed from this machine.");
    assert!(removed.contains("Ada Lovelace") && !removed.contains("Grace"), "{removed}");
    assert_eq!(get(url, "/users").json()["iterable"].as_array().unwrap().len(), 1);

    let (ada, grace) = (ada.as_str(), grace.as_str());
    let expected = [
        ["ACCOUNT_ADDED", ada],
        ["ACCOUNT_SELECTED", ada],
        ["ACCOUNT_ADDED", grace],
        ["ACCOUNT_SELECTED", grace],
        ["ACCOUNT_SELECTED", ada],
        ["SIGNED_OUT", ada],
        ["ACCOUNT_REMOVED", grace],
    ];
    assert_eq!(record(&daemon), expected);
}

#[test]
fn what_cannot_be_done_is_said_in_words_and_changes_nothing() {
    let daemon = Daemon::start();
    let url = daemon.url();
    let ada = sign_in(url, "ada@example.org");
    let before = record(&daemon);
    for (path, fields, words) in [
        ("/page/switch", [("user", NOBODY), ("", "")], "there is no account"),
        ("/page/sign-out", [("user", NOBODY), ("", "")], "somebody else is signed in by now"),
        ("/page/remove", [("user", NOBODY), ("", "")], "there is no account"),
        ("/page/local", [("name", " "), ("email", "ada@example.org")], "needs a name and an e-mail"),
        ("/page/local", [("name", "Ada"), ("email", "")], "needs a name and an e-mail"),
        ("/page/local", [("name", "Ada"), ("email", "@")], "<code>email</code> must be an e-mail address"),
        ("/page/sign-in", [("method", "browser"), ("issuer", "x")], "no identity provider"),
        ("/page/cancel", [("sign_in", "x"), ("", "")], "knows no such sign-in"),
        ("/page/paste", [("sign_in", "x"), ("url", "http://x")], "knows no such sign-in"),
    ] {
        let told = notice(&submit(url, path, &fields));
        assert!(told.starts_with("Error: ") && told.contains(words), "{path}: {told}");
    }
    assert_eq!(user(url)["id"], ada.as_str());
    assert_eq!(record(&daemon), before);
}

#[test]
fn a_notice_is_told_once_and_no_address_can_put_words_on_the_page() {
    let daemon = Daemon::start();
    let url = daemon.url();
    let reply = super::send(url, "/page/switch", &[("user", NOBODY)]);
    let place = reply.header("location").unwrap().to_owned();
    assert!(!notice(&get(url, &place).text()).is_empty());
    let plain = page(url);
    for again in [place.as_str(), "/?told=You+won", "/?told=%3Cb%3E", "/?message=evil", "/?told=999"] {
        assert_eq!(get(url, again).text(), plain, "{again}");
    }
}

#[test]
fn fields_that_are_missing_or_too_large_are_refused() {
    let daemon = Daemon::start();
    let url = daemon.url();
    super::send(url, "/page/local", &[("name", "Ada")]).refuses(422, "invalid_body");
    let large = "x".repeat(400 * 1024);
    super::send(url, "/page/local", &[("name", &large), ("email", "a@b")]).refuses(413, "too_large");
    assert_eq!(user(url), Value::Null);
}
