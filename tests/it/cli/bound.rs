//! What binds the command line to an account: `--account`, `USHER_ACCOUNT`, and folders by `usher switch --here`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;

use super::{acme, sign_in, watch::Lines};
use crate::daemon::{Answer, Daemon};

/// Ada, and Grace, who is current.
fn with_two() -> Daemon {
    let daemon = Daemon::start_with(acme);
    for (name, email) in [("Ada Lovelace", "ada@example.org"), ("Grace Hopper", "grace@example.org")] {
        sign_in(&daemon, name, email);
    }
    daemon
}

/// Runs `usher` in a folder, and with `USHER_ACCOUNT` if one is given.
fn run(daemon: &Daemon, folder: &Path, variable: Option<&str>, arguments: &[&str]) -> Answer {
    let mut command = daemon.command(arguments);
    command.current_dir(folder).envs(variable.map(|account| ("USHER_ACCOUNT", account)));
    let scratch = daemon.data_dir().parent().unwrap().canonicalize().unwrap().display().to_string();
    Answer::of(&mut command).masked(&[(&scratch, "[scratch]")])
}

/// A folder in the place of the test.
fn folder(daemon: &Daemon, path: &str) -> PathBuf {
    let folder = daemon.data_dir().parent().unwrap().join(path);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_verb_about_the_user_speaks_of_the_account() {
    let daemon = with_two();
    let here = folder(&daemon, "work");
    let ask = |arguments: &[&str]| {
        let option = run(&daemon, &here, None, &[arguments, &["--account", "ada@example.org"]].concat());
        let variable = run(&daemon, &here, Some("ADA@example.org"), arguments);
        let told =
            |answer: &Answer| answer.to_string().replace("by --account", "").replace("by USHER_ACCOUNT", "");
        assert_eq!(told(&option), told(&variable));
        option
    };
    assert_snapshot!(ask(&["whoami"]), @r"
    exit code 0
    --- stdout
    name      Ada Lovelace
    email     ada@example.org
    username  -
    id        [id]
    bound     by --account
    ");
    let json = ask(&["whoami", "--json"]);
    assert!(json.stdout.contains("\"ada@example.org\"") && !json.stdout.contains("bound"), "{json}");
    assert_snapshot!(ask(&["accounts"]), @r"
    exit code 0
    --- stdout
    *   Grace Hopper  grace@example.org  -  [id]
     >  Ada Lovelace  ada@example.org    -  [id]
    ");
    assert_snapshot!(ask(&["profile", "set", "theme", "light"]), @r"
    exit code 0
    --- stderr
    theme of Ada Lovelace <ada@example.org> is now `light`
    ");
    assert!(ask(&["profile", "show"]).stdout.contains("Ada Lovelace"));
    assert!(run(&daemon, &here, None, &["profile", "show"]).stdout.contains("dark"), "Grace's");
    assert_eq!(run(&daemon, &here, None, &["logout"]).code, 0, "nobody is current from here on");
    assert_snapshot!(ask(&["orgs"]), @r"
    exit code 0
    --- stdout
    Acme  ORGANIZATION  [id]
    ");
    assert!(ask(&["access", "SEGMENT"]).stdout.starts_with("denied"));
    assert!(ask(&["token"]).stderr.contains("a local account has no access token"));
    assert_snapshot!(ask(&["logout"]), @r"
    exit code 0
    --- stderr
    signed out Ada Lovelace <ada@example.org>
    ");
    assert_eq!(run(&daemon, &here, None, &["whoami"]).code, 1);
}

#[test]
fn a_watch_follows_the_account_whoever_is_current() {
    let daemon = with_two();
    let watch = Lines::of(daemon.command(&["watch", "--account", "ada@example.org"]));
    assert_eq!(watch.told(), "signed in as Ada Lovelace <ada@example.org>");
    for account in ["ada@example.org", "grace@example.org"] {
        assert_eq!(daemon.cli(&["switch", account]).code, 0);
    }
    assert_eq!(daemon.cli(&["profile", "set", "name", "Ada L", "--account", "ada@example.org"]).code, 0);
    assert_eq!(watch.told(), "Ada L <ada@example.org> changed name: Ada Lovelace -> Ada L");
}

#[test]
fn the_nearest_folder_binds_unless_something_nearer_does() {
    let daemon = with_two();
    sign_in(&daemon, "Sam", "sam@example.org");
    let [work, deep, other] = ["work", "work/client/src", "other"].map(|path| folder(&daemon, path));
    assert_snapshot!(run(&daemon, &work, None, &["switch", "--here", "ada lovelace"]), @r"
    exit code 0
    --- stderr
    [scratch]/work is bound to Ada Lovelace <ada@example.org>
    ");
    let client = deep.parent().unwrap();
    assert_eq!(run(&daemon, client, None, &["switch", "--here", "grace@example.org"]).code, 0);
    let whoami = |folder: &Path, variable, arguments: &[&str]| {
        let answer = run(&daemon, folder, variable, &[&["whoami"], arguments].concat());
        let lines: Vec<&str> = answer.stdout.lines().collect();
        let value = |line: &str| line.split_once(' ').unwrap().1.trim().to_owned();
        (value(lines[1]), lines.get(4).map(|line| value(line)))
    };
    let by = |email: &str, by: &str| (email.to_owned(), Some(by.to_owned()));
    assert_eq!(whoami(&other, None, &[]), ("sam@example.org".to_owned(), None));
    assert_eq!(whoami(&work, None, &[]), by("ada@example.org", "by the folder [scratch]/work"));
    assert_eq!(whoami(&deep, None, &[]), by("grace@example.org", "by the folder [scratch]/work/client"));
    assert_eq!(whoami(&deep, Some(""), &[]), by("grace@example.org", "by the folder [scratch]/work/client"));
    assert_eq!(whoami(&deep, Some("ada@example.org"), &[]), by("ada@example.org", "by USHER_ACCOUNT"));
    let option = ["--account", "sam@example.org"];
    assert_eq!(whoami(&deep, Some("ada@example.org"), &option), by("sam@example.org", "by --account"));
    // A link leads to the same folder.
    #[cfg(unix)]
    {
        let link = other.join("link");
        std::os::unix::fs::symlink(&deep, &link).unwrap();
        assert_eq!(whoami(&link, None, &[]).0, "grace@example.org");
    }
    assert_eq!(fs::read_dir(&work).unwrap().count(), 1, "nothing is written into the folder");

    assert_snapshot!(run(&daemon, &deep, None, &["switch", "--here", "--forget"]), @r"
    exit code 1
    --- stderr
    error: [scratch]/work/client/src itself is bound to no account
    hint: it lies below [scratch]/work/client, which is: do it there
    ");
    assert_snapshot!(run(&daemon, client, None, &["switch", "--here", "--forget"]), @r"
    exit code 0
    --- stderr
    [scratch]/work/client is bound to no account any more
    ");
    assert_eq!(whoami(&deep, None, &[]).0, "ada@example.org");
    assert_eq!(run(&daemon, &work, None, &["switch", "--here", "--forget"]).code, 0);
    assert_eq!(whoami(&deep, None, &[]), ("sam@example.org".to_owned(), None));
    let nowhere = run(&daemon, &other, None, &["switch", "--here", "--forget"]);
    assert!(nowhere.code == 1 && nowhere.stderr.contains("no folder above it"), "{nowhere}");
}

#[test]
fn a_name_of_nobody_is_told_with_what_binds_to_it() {
    let daemon = with_two();
    let here = folder(&daemon, "work");
    assert_snapshot!(run(&daemon, &here, None, &["whoami", "--account", "eve"]), @r"
    exit code 1
    --- stderr
    error: bound to `eve` by --account: there is no account `eve` on this device: list what exists and try again
    hint: `usher accounts` lists the accounts of this device
    ");
    assert_snapshot!(run(&daemon, &here, Some("eve"), &["orgs"]), @r"
    exit code 1
    --- stderr
    error: bound to `eve` by USHER_ACCOUNT: there is no account `eve` on this device: list what exists and try again
    hint: `usher accounts` lists the accounts of this device; `unset USHER_ACCOUNT` binds to none
    ");
    assert_snapshot!(run(&daemon, &here, Some("eve"), &["accounts"]), @r"
    exit code 0
    --- stdout
    *   Grace Hopper  grace@example.org  -  [id]
        Ada Lovelace  ada@example.org    -  [id]
    --- stderr
    bound to `eve` by USHER_ACCOUNT: there is no account `eve` on this device: list what exists and try again
    ");
    assert_eq!(run(&daemon, &here, None, &["whoami", "--account", ""]).code, 2);
    assert_eq!(run(&daemon, &here, None, &["switch", "--forget"]).code, 2);
    assert_eq!(run(&daemon, &here, None, &["switch", "--here", "eve"]).code, 1);
    assert_eq!(run(&daemon, &here, None, &["whoami"]).code, 0, "nothing was bound");
}

#[test]
fn a_folder_of_a_removed_account_speaks_of_nobody_else() {
    let daemon = with_two();
    let here = folder(&daemon, "work");
    assert_eq!(run(&daemon, &here, None, &["switch", "--here", "ada@example.org"]).code, 0);
    let ada = run(&daemon, &here, None, &["whoami"]);
    assert!(ada.stdout.contains("ada@example.org"), "{ada}");
    let users = crate::http::get(daemon.url(), "/users").json();
    let users = users["iterable"].as_array().unwrap();
    let id = users.iter().find(|user| user["name"] == "Ada Lovelace").unwrap()["id"].as_str().unwrap();
    assert_eq!(crate::http::post(daemon.url(), &format!("/users/{id}/disconnect"), b"").status, 200);
    assert_snapshot!(run(&daemon, &here, None, &["whoami"]), @r"
    exit code 1
    --- stderr
    error: bound to `[id]` by the folder [scratch]/work: there is no account `[id]` on this device: list what exists and try again
    hint: `usher switch --here --forget` in [scratch]/work takes the binding back
    ");
    for verb in [&["profile", "show"][..], &["orgs"], &["token"], &["watch"], &["logout"]] {
        let answer = run(&daemon, &here, None, verb);
        assert!(answer.code == 1 && answer.stdout.is_empty(), "{verb:?}: {answer}");
    }
    let file = daemon.data_dir().parent().unwrap().join("home/config/usher/folders.json");
    fs::write(&file, "[").unwrap();
    let broken = run(&daemon, &here, None, &["whoami"]);
    assert!(broken.code == 1 && broken.stderr.contains("folders.json"), "{broken}");
    fs::remove_file(file).unwrap();
    assert!(run(&daemon, &here, None, &["whoami"]).stdout.contains("grace@example.org"));
}
