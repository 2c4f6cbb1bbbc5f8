//! The documents for operators: their marked blocks, run as they are written but for the names of places.

use std::{collections::BTreeSet, fs, path::Path, path::PathBuf, process::Command, process::Stdio};

use tempfile::TempDir;

use super::node::Node;
use crate::{
    daemon::{Answer, USHER},
    steps::{missing, tool},
};

const DOCUMENTS: [&str; 2] = ["docs/operations.md", "README.md"];

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The blocks after a line `<!-- KIND: NAME -->`, in order: the name and the text.
fn blocks(kind: &str) -> Vec<(String, String)> {
    let mark = format!("<!-- {kind}: ");
    let mut found = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for part in text.split(&mark).skip(1) {
            let (name, rest) = part.split_once(" -->\n```").expect("a mark stands before a block");
            let body = rest.split_once('\n').unwrap().1.split_once("```").unwrap().0;
            found.push((name.to_owned(), body.to_owned()));
        }
    }
    found
}

/// Somebody who follows the guide in a folder of his own.
pub(super) struct Operator {
    folder: TempDir,
    places: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

impl Operator {
    pub(super) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), places: Vec::new(), variables: Vec::new() }
    }

    /// What the guide calls `name` is `place` here.
    pub(super) fn place(mut self, name: &str, place: &str) -> Self {
        self.places.push((name.to_owned(), place.to_owned()));
        self
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// A block with the places of this test.
    fn block(&self, kind: &str, name: &str) -> String {
        let found = blocks(kind).into_iter().find(|(known, _)| known == name);
        let (_, text) = found.unwrap_or_else(|| panic!("no block `{name}` in {DOCUMENTS:?}"));
        self.places.iter().fold(text, |text, (name, place)| text.replace(name, place))
    }

    /// The file that the guide shows.
    pub(super) fn file(&self, name: &str) -> String {
        self.block("file", name)
    }

    fn shell(&self, text: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", text]).current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path()).env("LC_ALL", "C").stdin(Stdio::null());
        let own = Path::new(USHER).parent().unwrap().to_str().unwrap();
        let usual = std::env::var("PATH").unwrap();
        let postgres = tool("postgres_bin").unwrap_or_default();
        command.env("PATH", format!("{own}:{}:{usual}", postgres.display()));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a block that must go well, and answers what it printed.
    pub(super) fn run(&self, name: &str) -> String {
        let answer = Answer::of(&mut self.shell(&self.block("run", name)));
        assert_eq!(answer.code, 0, "{name}: {answer}");
        answer.stdout
    }

    /// Runs a block that must fail.
    pub(super) fn fail(&self, name: &str) -> Answer {
        let answer = Answer::of(&mut self.shell(&self.block("run", name)));
        assert_ne!(answer.code, 0, "{name}: {answer}");
        answer
    }

    /// Runs a block whose last command stays: a node.
    pub(super) fn serve(&self, name: &str) -> Node {
        // In place of the shell, so that the node is what a test stops.
        let text = format!("\n{}", self.block("run", name)).replace("\nusher cloud", "\nexec usher cloud");
        Node::by(&mut self.shell(&text))
    }
}

/// False where a program that the guide uses cannot be had and the tester allows that.
pub(super) fn has_programs() -> bool {
    let has = tool("sqlite_bin").is_some() && Command::new("curl").arg("--version").output().is_ok();
    if !has {
        missing("the programs sqlite3 and curl cannot be had (Debian: apt-get install sqlite3 curl)");
    }
    has
}

#[test]
fn every_command_of_the_guide_is_run_or_says_why_not() {
    let text = fs::read_to_string(root().join(DOCUMENTS[0])).unwrap();
    let marks = text.matches("<!-- run: ").count() + text.matches("<!-- not run: ").count();
    assert_eq!(text.matches("```sh\n").count(), marks, "a block of commands without a mark, or two marks");
    let tests =
        [include_str!("operations.rs"), include_str!("backup.rs"), include_str!("proxies.rs")].concat();
    for kind in ["run", "file"] {
        let all = blocks(kind);
        let names: BTreeSet<&String> = all.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), all.len(), "two blocks have the same name: {all:?}");
        for name in names {
            assert!(tests.contains(&format!("\"{name}\"")), "no test follows `{name}`");
        }
    }
}
