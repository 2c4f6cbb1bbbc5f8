//! The fuzz targets on stable: every file of the corpus as it is, then changed at random. `./test fuzz` gives the same
//! functions to libFuzzer, where nightly is.

mod document;
mod text;

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library where cargo-fuzz builds it")]
mod targets;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

/// The bytes a target was given, as a failure shows them: a string of Rust.
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// The entries of the corpus, each shown to the target as it is.
fn corpus(name: &str, target: fn(&[u8])) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let entry = |file: PathBuf| {
        let bytes = fs::read(&file).unwrap();
        eprintln!("{}", file.display());
        target(&bytes);
        bytes
    };
    files.into_iter().map(entry).collect()
}

fn run(name: &str, target: fn(&[u8]), cases: u32) {
    let corpus = corpus(name, target);
    assert!(corpus.len() >= 9, "the corpus of `{name}` is not where it was");
    let documents: Vec<_> = corpus.iter().filter_map(|entry| serde_json::from_slice(entry).ok()).collect();
    let changed = match documents.len() {
        0 => text::changed(corpus).boxed(),
        _ => prop_oneof![4 => document::changed(documents), 1 => text::changed(corpus)].boxed(),
    };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&changed.prop_map(Input), |Input(bytes)| {
        target(&bytes);
        Ok(())
    });
    // Nothing is kept of a failure but these words.
    assert!(outcome.is_ok(), "{}\nput the bytes into fuzz/corpus/{name}", outcome.unwrap_err());
}

#[test]
fn wire() {
    run("wire", targets::wire, 5_000);
}

#[test]
fn guard() {
    run("guard", targets::guard, 30_000);
}

#[test]
fn access() {
    run("access", targets::access, 3_000);
}

#[test]
fn merge() {
    run("merge", targets::merge, 6_000);
}
