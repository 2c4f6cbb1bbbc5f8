//! A policy folder that cannot be read for a moment, or holds too much: nobody gets rid of a policy by that, and what is
//! wrong is named.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    http::{Connection, JSON, get, post_json},
    namespace::shell,
    sign_in,
    socket::Socket,
    wait_until,
};
use crate::{
    contract::{organisation, put_policy},
    daemon::Daemon,
};

/// The folder is looked at every second.
const SOON: Duration = Duration::from_secs(20);
const DECIDE: &str = "/user/has_feature_access";

/// An organisation for everyone that allows one model; `padding` bytes of it mean nothing.
fn allowing(id: &str, model: &str, padding: usize) -> String {
    let mut policy = organisation(id, None);
    policy["configuration"] = json!({ "externalProvider": { "allowedCloudModels": {
        "enabled": "ENABLED", "allowedModels": { "iterable": [{ "unique": model }] } } } });
    policy["padding"] = "x".repeat(padding).into();
    policy.to_string()
}

fn question(model: &str) -> Value {
    json!({ "feature": "ALLOWED_CLOUD_MODELS", "context": { "allowedCloudModels": { "modelUniqueName": model } } })
}

fn allows(url: &str, model: &str) -> bool {
    let reply = post_json(url, DECIDE, &question(model));
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()["canUse"].as_bool().unwrap()
}

/// The ids of the organisations the signed-in user belongs to.
fn organisations(url: &str) -> Vec<String> {
    let entities = get(url, "/entities").json();
    let ids = entities["iterable"].as_array().unwrap().iter();
    ids.map(|entity| entity["id"].as_str().unwrap().to_owned()).collect()
}

/// What the status says is wrong with this file; empty when it is as good as the others.
fn problem(status: &Value, file: &str) -> String {
    let files = status["policies"].as_array().unwrap().iter();
    let problems = files.filter(|known| known["file"] == file).filter_map(|known| known["problem"].as_str());
    problems.collect::<Vec<_>>().join("; ")
}

fn wait_for_problem(url: &str, file: &str, words: &str) {
    wait_until(words, SOON, || problem(&get(url, "/status").json(), file).contains(words));
}

/// Puts a link in place at once, so that there is no moment without anything at its place.
fn point(place: &Path, to: &Path) {
    let new = place.with_extension("new");
    symlink(to, &new).unwrap();
    fs::rename(&new, place).unwrap();
}

/// A daemon whose policies are behind a link that can be turned, and the folder at its end.
fn behind_a_link() -> (Daemon, PathBuf) {
    let daemon = Daemon::start_with(|data| {
        fs::create_dir(data.join("elsewhere")).unwrap();
        point(&data.join("policies"), &data.join("elsewhere"));
        put_policy(data, "acme.json", &allowing("acme", "old", 0));
    });
    let elsewhere = daemon.data_dir().join("elsewhere");
    sign_in(daemon.url(), "ada@example.org");
    (daemon, elsewhere)
}

#[test]
fn a_folder_that_cannot_be_read_withdraws_nothing() {
    let (daemon, elsewhere) = behind_a_link();
    let (url, policies) = (daemon.url(), daemon.data_dir().join("policies"));
    let mut stream = Socket::open(url, "/user/stream");
    assert_eq!(stream.profile()["entities"]["iterable"][0]["id"], "acme");
    let file = daemon.data_dir().join("file");
    fs::write(&file, "no folder").unwrap();
    for (at, words) in [(&file, "Not a directory"), (&policies, "symbolic links")] {
        point(&policies, at);
        wait_for_problem(url, "policies", words);
        assert_eq!(organisations(url), ["acme"], "{words}");
        assert!(allows(url, "old") && !allows(url, "new"), "{words}");
        assert_eq!(problem(&get(url, "/status").json(), "acme.json"), "", "{words}");
    }
    assert!(daemon.log().contains("cannot be read"), "{}", daemon.log());

    // What changed meanwhile is taken as soon as it can be seen.
    let mended = allowing("acme", "new", 0).replace("Name of acme", "Acme again");
    fs::write(elsewhere.join("acme.json"), mended).unwrap();
    point(&policies, &elsewhere);
    wait_until("the change is in force", SOON, || allows(url, "new"));
    assert!(!allows(url, "old"));
    assert_eq!(problem(&get(url, "/status").json(), "policies"), "");
    let frame = stream.profile();
    let reference = &frame["entities"]["iterable"][0]["reference"];
    assert_eq!(reference["name"], "Acme again", "no frame told of anything else: {frame}");

    fs::remove_file(&policies).unwrap();
    wait_until("who takes the folder away means it", SOON, || organisations(url).is_empty());
    assert!(allows(url, "old") && allows(url, "new"));
    assert_eq!(get(url, "/status").json()["policies"], json!([]));
    assert_eq!(stream.profile()["entities"], Value::Null);
}

#[test]
fn without_file_descriptors_policies_stay() {
    let daemon = Daemon::start_with(|data| put_policy(data, "acme.json", &allowing("acme", "old", 0)));
    let (url, process) = (daemon.url(), daemon.id());
    sign_in(url, "ada@example.org");
    let kept = daemon.data_dir().join("policies.last-good/acme.json");
    assert_eq!(fs::read_to_string(&kept).unwrap(), allowing("acme", "old", 0));
    // New connections cannot be accepted then, so this one is used throughout.
    let mut connection = Connection::open(url);
    let mut ask = |method: &str, path: &str, body: &str| {
        let reply = connection.ask(method, path, if body.is_empty() { &[] } else { JSON }, body.as_bytes());
        assert_eq!(reply.status, 200, "{path}: {reply}");
        reply.json()
    };
    // The database is opened for reading by whoever reads first.
    ask("GET", "/status", "");
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let most = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let most = most.split_whitespace().nth(3).unwrap();
    shell(&format!("prlimit --pid {process} --nofile=1:{most}"));
    put_policy(&daemon.data_dir(), "acme.json", &allowing("acme", "new", 0));
    wait_until("the status names it", SOON, || {
        problem(&ask("GET", "/status", ""), "policies").contains("Too many open files")
    });
    assert_eq!(ask("GET", "/entities", "")["iterable"][0]["id"], "acme");
    assert_eq!(ask("POST", DECIDE, &question("old").to_string())["canUse"], true);
    assert_eq!(ask("POST", DECIDE, &question("new").to_string())["canUse"], false);
    assert_eq!(fs::read_to_string(&kept).unwrap(), allowing("acme", "old", 0));

    shell(&format!("prlimit --pid {process} --nofile={most}:{most}"));
    wait_until("the change is in force", SOON, || allows(url, "new") && !allows(url, "old"));
    assert_eq!(problem(&get(url, "/status").json(), "policies"), "");
    assert_eq!(fs::read_to_string(&kept).unwrap(), allowing("acme", "new", 0));
}

#[test]
fn what_exceeds_the_room_for_policies_is_named_and_its_last_good_content_holds() {
    const KIB: usize = 1024;
    let mut daemon = Daemon::start_with(|data| {
        put_policy(data, "a.json", &allowing("a", "old", 400 * KIB));
        put_policy(data, "b.json", &allowing("b", "old", 0));
        put_policy(data, "c.json", &organisation("c", None).to_string());
    });
    let url = daemon.url().to_owned();
    sign_in(&url, "ada@example.org");
    assert_eq!(organisations(&url), ["a", "b", "c"]);
    let kept = daemon.data_dir().join("policies.last-good/b.json");
    let check = |daemon: &Daemon| {
        wait_for_problem(daemon.url(), "b.json", "512 KiB");
        let status = get(daemon.url(), "/status").json();
        assert_eq!(["a.json", "c.json"].map(|file| problem(&status, file)), ["", ""], "{status}");
        assert_eq!(organisations(daemon.url()), ["a", "b", "c"]);
        assert!(!allows(daemon.url(), "new"), "the last good content holds");
        assert_eq!(fs::read_to_string(&kept).unwrap(), allowing("b", "old", 0));
        assert!(daemon.log().contains("b.json"), "{}", daemon.log());
    };
    put_policy(&daemon.data_dir(), "b.json", &allowing("b", "new", 200 * KIB));
    check(&daemon);
    daemon.stop();
    daemon.start_again();
    check(&daemon);

    // With less before it there is room: `a` allows both models now, so that `b` decides.
    put_policy(&daemon.data_dir(), "a.json", &organisation("a", None).to_string());
    wait_until("it is in force", SOON, || allows(&url, "new") && !allows(&url, "old"));
    assert_eq!(problem(&get(&url, "/status").json(), "b.json"), "");
    assert_eq!(fs::read_to_string(&kept).unwrap(), allowing("b", "new", 200 * KIB));
}

/// Never having been good, it is in force not at all, and takes no room from the others.
#[test]
fn a_file_that_never_fitted_is_named_and_leaves_room_for_others() {
    let daemon = Daemon::start_with(|data| {
        put_policy(data, "a.json", &allowing("a", "old", 512 * 1024));
        put_policy(data, "b.json", &organisation("b", None).to_string());
    });
    let url = daemon.url();
    sign_in(url, "ada@example.org");
    let status = get(url, "/status").json();
    assert!(problem(&status, "a.json").contains("512 KiB"), "{status}");
    assert_eq!(problem(&status, "b.json"), "");
    assert_eq!(organisations(url), ["b"]);
    assert!(!daemon.data_dir().join("policies.last-good/a.json").exists());
}
