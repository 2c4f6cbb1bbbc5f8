//! `profile show` and `profile set`: what the signed-in user says about himself.

use anyhow::Context;
use clap::ValueEnum;
use usher_wire::{
    Aesthetics, Caller, Edit, Font, GroupedTimestamp, ProfileUpdate, Theme, UserApi, UserProfile,
};

use crate::{
    bound::{self, Bound},
    print::{self, EMPTY, clean, or_empty, who},
};

/// The verbs below `profile`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Print the profile
    Show,
    /// Change one member of the profile
    Set(Set),
}

/// Arguments of `profile set`.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// The member to change
    key: Key,
    /// Its new value; `dark` or `light` for theme, points for font-size
    #[arg(required_unless_present = "clear", allow_hyphen_values = true)]
    value: Option<String>,
    /// Empty the member instead
    #[arg(long, conflicts_with = "value")]
    clear: bool,
}

/// A member that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Key {
    Name,
    Username,
    Email,
    Picture,
    Theme,
    FontSize,
}

impl Key {
    fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

pub(crate) async fn profile(verb: Verb, bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    match verb {
        Verb::Show => show(bound, json).await,
        Verb::Set(args) => set(args, bound, json).await,
    }
}

async fn show(bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let present = bound::client(bound).await?.user_snapshot(&Caller::default()).await?;
    let user = present.user.as_ref().ok_or_else(|| bound::signed_out(bound))?;
    if json {
        return print::json(user);
    }
    let keys = Key::value_variants().iter().map(|key| (key.word(), shown(user, *key)));
    let time = |time: &Option<GroupedTimestamp>| match time {
        Some(time) => time.value.to_string(),
        None => EMPTY.to_owned(),
    };
    let others =
        [("created", time(&user.created)), ("updated", time(&user.updated)), ("id", clean(&user.id))];
    print::members(keys.chain(others.map(|(name, value)| (name.to_owned(), value))))
}

/// A member of the profile as text.
fn shown(user: &UserProfile, key: Key) -> String {
    match key {
        Key::Name => or_empty(user.name.as_deref()),
        Key::Username => or_empty(user.username.as_deref()),
        Key::Email => or_empty(user.email.as_deref()),
        Key::Picture => or_empty(user.picture.as_deref()),
        Key::Theme => if user.aesthetics.theme.dark { "dark" } else { "light" }.to_owned(),
        Key::FontSize => user.aesthetics.font.size.to_string(),
    }
}

/// What changed between two states of a profile, one phrase each, in the order of the keys.
pub(crate) fn changes(before: &UserProfile, after: &UserProfile) -> Vec<String> {
    let changed = |key: &Key| {
        let (old, new) = (shown(before, *key), shown(after, *key));
        (old != new).then(|| format!("{}: {old} -> {new}", key.word()))
    };
    Key::value_variants().iter().filter_map(changed).collect()
}

async fn set(args: Set, bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let wanted = wanted(&args);
    let client = bound::client(bound).await?;
    let present = client.user_snapshot(&Caller::default()).await?;
    let user = present.user.as_ref().ok_or_else(|| bound::signed_out(bound))?;
    let edit = edit(user, args.key, wanted);
    let word = args.key.word();
    let user =
        client.update_user(&Caller::default(), edit).await.with_context(|| format!("cannot set {word}"))?;
    match shown(&user, args.key) {
        value if value == EMPTY => print::say(format_args!("{word} of {} is now empty", who(&user))),
        value => print::say(format_args!("{word} of {} is now `{value}`", who(&user))),
    }
    if json { print::json(&user) } else { Ok(()) }
}

/// A checked value of the command line.
enum Wanted {
    Text(Edit<String>),
    Dark(bool),
    Size(i64),
}

/// Checks the value against its key before the daemon is asked; limits are the daemon's business.
fn wanted(args: &Set) -> Wanted {
    let value = args.value.as_deref();
    match (args.key, value) {
        (Key::Theme | Key::FontSize, None) => {
            crate::usage(&["profile", "set"], format_args!("{} cannot be empty", args.key.word()))
        }
        (Key::Theme, Some("dark")) => Wanted::Dark(true),
        (Key::Theme, Some("light")) => Wanted::Dark(false),
        (Key::Theme, Some(other)) => {
            crate::usage(&["profile", "set"], format_args!("theme is `dark` or `light`, not `{other}`"))
        }
        (Key::FontSize, Some(value)) => match value.parse() {
            Ok(size) => Wanted::Size(size),
            Err(_) => crate::usage(
                &["profile", "set"],
                format_args!("font-size is a whole number of points, not `{value}`"),
            ),
        },
        (_, value) => Wanted::Text(Edit::from(value.map(str::to_owned))),
    }
}

/// The edit as it goes over the wire.
fn edit(user: &UserProfile, key: Key, wanted: Wanted) -> ProfileUpdate {
    let mut edit = ProfileUpdate { id: Some(user.id.clone()), ..ProfileUpdate::default() };
    let Aesthetics { font, theme, schema } = user.aesthetics.clone();
    match wanted {
        Wanted::Text(text) => match key {
            Key::Name => edit.name = text,
            Key::Username => edit.username = text,
            Key::Email => edit.email = text,
            _ => edit.picture = text,
        },
        // The other preference travels along; with its base it is "not meant" and cannot undo a change of it.
        Wanted::Dark(dark) => {
            edit.updated = user.updated.clone();
            edit.aesthetics = Some(Aesthetics { font, theme: Theme { dark, ..theme }, schema });
        }
        Wanted::Size(size) => {
            edit.updated = user.updated.clone();
            edit.aesthetics = Some(Aesthetics { font: Font { size, ..font }, theme, schema });
        }
    }
    edit
}
