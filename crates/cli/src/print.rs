//! How verbs write: data to stdout, talk to stderr, no colour. A reader that went away ends the program quietly.

use std::fmt::{self, Display};
use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;
use usher_wire::UserProfile;

/// What stands where a member is empty.
pub(crate) const EMPTY: &str = "-";

/// The reader of stdout is gone (`usher watch | head -1`): nothing is left to do, and nothing is wrong.
#[derive(Debug)]
pub(crate) struct ReaderGone;

impl Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of stdout is gone")
    }
}

impl std::error::Error for ReaderGone {}

/// Writes text to stdout as it is.
pub(crate) fn raw(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("cannot write to stdout"),
    }
}

/// One line of data.
pub(crate) fn line(text: impl Display) -> anyhow::Result<()> {
    raw(&format!("{text}\n"))
}

/// One line of talk. A closed stderr is no reason to fail.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A value of the wire as JSON for people and programs.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value).context("cannot encode the answer as JSON")?)
}

/// Rows with aligned columns; the last column is never padded.
pub(crate) fn table(rows: &[Vec<String>]) -> anyhow::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let padded = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    raw(&text)
}

/// `name  value` lines, the values aligned.
pub(crate) fn members<N: Into<String>>(members: impl IntoIterator<Item = (N, String)>) -> anyhow::Result<()> {
    table(&members.into_iter().map(|(name, value)| vec![name.into(), value]).collect::<Vec<_>>())
}

/// Text of others on one line: a control character in a name must not steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// An optional text of others, `-` when it is empty.
pub(crate) fn or_empty(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map_or_else(|| EMPTY.to_owned(), clean)
}

/// Who somebody is, in one phrase: name and e-mail, or what there is of them.
pub(crate) fn who(user: &UserProfile) -> String {
    match (user.name.as_deref(), user.email.as_deref()) {
        (Some(name), Some(email)) => format!("{} <{}>", clean(name), clean(email)),
        (Some(text), None) | (None, Some(text)) => clean(text),
        (None, None) => clean(user.username.as_deref().unwrap_or(&user.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(clean("Ada\u{1b}[2J\r\nroot"), "Ada\u{fffd}[2J\u{fffd}\u{fffd}root");
        assert_eq!(clean("Ada Lovelace – Ἀδά"), "Ada Lovelace – Ἀδά");
    }
}
