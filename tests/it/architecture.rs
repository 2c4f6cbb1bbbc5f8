//! The shape of the source: which crate may know which, and rules for each file that no lint has.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The crates of this workspace that each crate may depend on, and why no others.
const ARROWS: [(&str, &[&str], &str); 8] = [
    ("usher-wire", &[], "models and the API trait know nobody, so that everybody can know them"),
    ("usher-client", &["usher-wire"], "the SDK is for programs that have no daemon in them"),
    (
        "usher-domain",
        &["usher-wire"],
        "rules and records are the same on a device and in a cloud, without HTTP",
    ),
    ("usher-issuer", &["usher-domain", "usher-wire"], "identity providers know nothing of accounts"),
    (
        "usher-device",
        &["usher-client", "usher-domain", "usher-issuer", "usher-wire"],
        "a device is served by any face",
    ),
    ("usher-http", &["usher-wire"], "the face serves any `UserApi`, so it knows none of them"),
    (
        "usher-cloud",
        &["usher-domain", "usher-issuer", "usher-wire"],
        "a cloud is served by any face, and has no device in it",
    ),
    (
        "usher",
        &["usher-client", "usher-cloud", "usher-device", "usher-domain", "usher-http", "usher-wire"],
        "the binary puts everything together",
    ),
];
/// Longer files are split by their nouns.
const LONGEST_FILE: usize = 400;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every dependency on a crate of this workspace in a manifest, for whatever target or purpose.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else { continue };
        if key.ends_with("dependencies") {
            // A renamed dependency names its crate inside.
            let name = |(name, value): (&String, &toml::Value)| {
                value.get("package").and_then(|name| name.as_str()).unwrap_or(name).to_owned()
            };
            found.extend(table.iter().map(name).filter(|name| name == "usher" || name.starts_with("usher-")));
        } else {
            found.extend(dependencies(table));
        }
    }
    found
}

#[test]
fn crates_know_only_whom_they_may() {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(crates()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path().join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        let arrow = ARROWS.iter().find(|(from, ..)| *from == name);
        let (_, allowed, reason) =
            arrow.unwrap_or_else(|| panic!("`{name}` is new: say in ARROWS whom it may know"));
        for dependency in dependencies(&manifest) {
            assert!(allowed.contains(&&*dependency), "`{name}` must not depend on `{dependency}`: {reason}");
        }
        seen.insert(name);
    }
    let gone: Vec<_> = ARROWS.iter().filter(|(name, ..)| !seen.contains(*name)).collect();
    assert!(gone.is_empty(), "crates that are no more: {gone:?}");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What is wrong with a file, in words.
fn problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("#!["));
    if !first.is_some_and(|line| line.starts_with("//!")) {
        problems.push("begins without saying what it is for (`//!`)".to_owned());
    }
    let lines = text.lines().count();
    if lines >= LONGEST_FILE {
        problems.push(format!("has {lines} lines; split it below {LONGEST_FILE}"));
    }
    for unfinished in ["todo!", "unimplemented!"] {
        if text.contains(&format!("{unfinished}(")) {
            problems.push(format!("holds `{unfinished}`"));
        }
    }
    problems
}

#[test]
fn files_are_short_finished_and_say_what_they_are_for() {
    let mut files = Vec::new();
    sources(&crates(), &mut files);
    sources(&crates().with_file_name("fuzz").join("src"), &mut files);
    assert!(files.len() > 50, "{files:?}");
    let problems: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let problems = problems(&fs::read_to_string(file).unwrap());
            problems.into_iter().map(move |problem| format!("{} {problem}", file.display()))
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
