//! What the page shows without scripts, in each state of the daemon, and that no text of others becomes part of it.

use std::time::Duration;

use rusqlite::Connection as Database;
use serde_json::json;

use super::page;
use crate::{
    daemon::Daemon,
    http::{get, post, post_json},
    steps::{sign_in, wait_until, with_ada},
};

#[test]
fn nobody_is_signed_in() {
    let daemon = Daemon::start();
    let page = page(daemon.url());
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{page}");
    for part in ["Nobody is signed in", "action=\"/page/local\"", "No application has introduced itself"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for part in ["/page/sign-out", "/page/switch", "/page/sign-in\"", "Other accounts"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
}

#[test]
fn accounts_and_applications() {
    let (daemon, ada) = with_ada();
    let url = daemon.url();
    let grace = sign_in(url, "grace@example.org");
    let connect = |name: &str| {
        let application = json!({ "name": name, "platform": "LINUX", "version": "1.2" });
        let reply = post_json(url, "/connect", &json!({ "application": application })).json();
        reply["application"]["id"].as_str().unwrap().to_owned()
    };
    let jupyter = connect("JUPYTER");
    connect("RAYCAST");
    post(url, &format!("/applications/{jupyter}/revoke"), b"");
    let page = page(url);
    let (who, others) = page.split_once("Other accounts of this machine").unwrap();
    assert!(who.contains("grace@example.org") && !who.contains("ada@example.org"), "{who}");
    assert!(who.contains(&format!(
        "action=\"/page/sign-out\"><input type=\"hidden\" name=\"user\" value=\"{grace}\""
    )));
    assert!(
        others.contains(&format!(
            "action=\"/page/switch\"><input type=\"hidden\" name=\"user\" value=\"{ada}\""
        ))
    );
    assert!(others.contains("needs no connection"), "{others}");
    let revoked = |name: &str| {
        let row =
            page.split("<li>").find(|row| row.contains(name)).unwrap_or_else(|| panic!("{name}: {page}"));
        row.contains("revoked: may not read tokens")
    };
    assert_eq!([revoked("JUPYTER"), revoked("RAYCAST")], [true, false]);
    assert!(!page.contains("OS_SERVER"), "the daemon itself is none: {page}");
}

#[test]
fn texts_of_others_stay_texts() {
    let daemon = Daemon::start();
    let url = daemon.url();
    let evil = "\u{202e}</bdi></title><script>alert(1)</script><img src=x onerror=y>\"'`&";
    let escaped = "\u{202e}&lt;/bdi&gt;&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=y&gt;&quot;'`&amp;";
    for email in ["\"><i>@example.org", "eve@example.org"] {
        post_json(url, "/user/select", &json!({ "name": evil, "email": email }));
    }
    let id = crate::steps::user(url)["id"].as_str().unwrap().to_owned();
    let edit = json!({ "id": id, "picture": "data:image/png;base64,x\"onerror=\"alert(1)" });
    assert_eq!(post_json(url, "/user/update", &edit).status, 200);
    let application = json!({ "name": evil, "platform": "LINUX", "version": "<b>", "descriptor": evil });
    post_json(url, "/connect", &json!({ "application": application }));
    let page = page(url);
    for tag in ["<script>", "<img src=x", "<i>", "<b>", "\"onerror"] {
        assert!(!page.contains(tag), "{tag}: {page}");
    }
    assert_eq!(page.matches("</title>").count(), 1);
    // The user, the other account, and the application with its descriptor; each kept from turning what is around it.
    assert!(page.matches(escaped).count() >= 4, "{page}");
    assert_eq!(
        page.matches(escaped).count(),
        page.matches(&format!("<bdi>{escaped}</bdi>")).count(),
        "{page}"
    );
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let (daemon, id) = with_ada();
    let url = daemon.url();
    let show = |picture: &str| {
        let edit = json!({ "id": id, "picture": picture });
        assert_eq!(post_json(url, "/user/update", &edit).status, 200, "{picture}");
        page(url)
    };
    let png = "data:image/png;base64,iVBORw0KGgo=";
    assert!(show(png).contains(&format!("src=\"{png}\"")));
    for picture in ["https://img.example.test/ada.png", "http://127.0.0.1/x.png", "data:image/svg+xml,<svg/>"]
    {
        let page = show(picture);
        assert!(!page.contains("<img") && page.contains(">A</span>"), "{picture}: {page}");
        for place in page.split("src=\"").skip(1).chain(page.split("href=\"").skip(1)) {
            assert!(place.starts_with("/") || place.starts_with("data:,"), "{place}");
        }
    }
}

#[test]
fn nothing_runs_and_nothing_leads_elsewhere() {
    let (daemon, _) = with_ada();
    let reply = get(daemon.url(), "/");
    assert_eq!(
        reply.header("content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; \
             img-src data:; base-uri 'none'; frame-ancestors 'none'"
        )
    );
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    let page = reply.text();
    for inline in [" style=", " onclick=", "<style", "<script>", "javascript:"] {
        assert!(!page.contains(inline), "{inline}: {page}");
    }
    for (asset, kind) in [("/page/style.css", "text/css"), ("/page/script.js", "text/javascript")] {
        let reply = get(daemon.url(), asset);
        assert!(page.contains(asset) && reply.header("content-type").unwrap().starts_with(kind), "{reply}");
    }
}

#[test]
fn while_the_daemon_starts_the_page_says_so() {
    let (mut daemon, _) = with_ada();
    daemon.stop();
    let holder = Database::open(daemon.data_dir().join("usher.db")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    daemon.launch_again();
    let address = crate::http::address(daemon.url());
    let answers = || std::net::TcpStream::connect(address).is_ok();
    wait_until("the port answers", Duration::from_secs(10), answers);
    let reply = get(daemon.url(), "/");
    assert_eq!(reply.status, 503);
    let text = reply.text();
    assert!(text.contains("Usher is starting") && text.contains("href=\"/\""), "{text}");
    let form = super::send(daemon.url(), "/page/local", &[("name", "Eve"), ("email", "eve@example.org")]);
    assert_eq!(form.status, 303, "{form}");
    drop(holder);
    wait_until("the page is there", Duration::from_secs(10), || get(daemon.url(), "/").status == 200);
    let told = get(daemon.url(), form.header("location").unwrap()).text();
    assert!(super::notice(&told).contains("still starting"), "{told}");
    assert!(told.contains("is signed in"), "{told}");
}
