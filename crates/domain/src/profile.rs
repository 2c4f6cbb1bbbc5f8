//! The rule of `POST /user/update`: which members a caller may write, within which limits, and how an edit that was
//! based on an older state is merged into the present one.

use serde::{Deserialize, Serialize};
use usher_wire::{
    Aesthetics, Code, Edit, EmbeddedModelSchema, Error, Font, GroupedTimestamp, ProfileUpdate, Result, Theme,
    Timestamp, UserProfile,
};

/// What generated clients send for an e-mail nobody set: never meant as a value.
pub const CLIENT_DEFAULT_EMAIL: &str = "user@pieces.app";
/// What generated clients send for a picture nobody set: never meant as a value.
pub const CLIENT_DEFAULT_PICTURE: &str = "https://picsum.photos/200";

/// The members of a profile that callers may write. Kept for the last revisions, as the base of merges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Writable {
    /// Display name.
    pub name: Option<String>,
    /// Unique user name.
    pub username: Option<String>,
    /// URL of a picture.
    pub picture: Option<String>,
    /// E-mail; writable for local accounts only.
    pub email: Option<String>,
    /// Whether the theme is dark.
    pub dark: bool,
    /// Font size in points.
    pub font_size: i64,
}

impl From<&UserProfile> for Writable {
    fn from(profile: &UserProfile) -> Self {
        Self {
            name: profile.name.clone(),
            username: profile.username.clone(),
            picture: profile.picture.clone(),
            email: profile.email.clone(),
            dark: profile.aesthetics.theme.dark,
            font_size: profile.aesthetics.font.size,
        }
    }
}

/// The state an edit was made from.
#[derive(Debug, Clone, Copy)]
pub enum Base<'a> {
    /// The caller named none: every member it sent is meant.
    Unnamed,
    /// The caller read this one: members equal to it are not meant.
    Known(&'a Writable),
    /// The caller read one that is no longer kept: what differs from the present cannot be told from what is stale.
    Forgotten,
}

/// The profile after the edit; `None` when it changes nothing.
///
/// `is_local` says whether the e-mail is the caller's to write. Errors: `invalid_value` naming the member, `conflict`
/// for a difference against a [`Base::Forgotten`].
pub fn merge(
    present: &UserProfile,
    base: Base<'_>,
    edit: &ProfileUpdate,
    is_local: bool,
) -> Result<Option<UserProfile>> {
    let now = Writable::from(present);
    let mut merged = present.clone();
    let known = match base {
        Base::Known(base) => Some(base),
        Base::Unnamed | Base::Forgotten => None,
    };
    let member = |sent, of: fn(&Writable) -> &Option<String>, default, check| Member {
        sent,
        base: known.map(of),
        present: of(&now),
        default,
        check,
    };
    member(&edit.name, |of| &of.name, None, check_name).write(&mut merged.name)?;
    member(&edit.username, |of| &of.username, None, check_username).write(&mut merged.username)?;
    member(&edit.picture, |of| &of.picture, Some(CLIENT_DEFAULT_PICTURE), check_picture)
        .write(&mut merged.picture)?;
    if is_local {
        member(&edit.email, |of| &of.email, Some(CLIENT_DEFAULT_EMAIL), check_email)
            .write(&mut merged.email)?;
    }
    if let Some(sent) = &edit.aesthetics {
        let dark = sent.theme.dark;
        if dark != now.dark && known.is_none_or(|base| base.dark != dark) {
            merged.aesthetics.theme.dark = dark;
        }
        let size = sent.font.size;
        if size != now.font_size && known.is_none_or(|base| base.font_size != size) {
            merged.aesthetics.font.size = check_font_size(size)?;
        }
    }
    if Writable::from(&merged) == now {
        return Ok(None);
    }
    match base {
        Base::Forgotten => Err(Error::new(
            Code::Conflict,
            "the profile changed too often since you read it: read it again and repeat the change",
        )),
        _ => Ok(Some(merged)),
    }
}

/// One optional member of an edit beside what it was and is.
struct Member<'a> {
    sent: &'a Edit<String>,
    base: Option<&'a Option<String>>,
    present: &'a Option<String>,
    /// What generated clients send for an unset member.
    default: Option<&'static str>,
    check: fn(&str) -> Result<()>,
}

impl Member<'_> {
    /// Puts into `target` what the caller means the member to have; nothing when it means no change.
    fn write(self, target: &mut Option<String>) -> Result<()> {
        let value = match self.sent {
            Edit::Keep => return Ok(()),
            Edit::Set(value) if Some(value.as_str()) == self.default => return Ok(()),
            Edit::Set(value) => Some(value),
            Edit::Clear => None,
        };
        let is_stale = self.base.is_some_and(|base| base.as_ref() == value);
        if value == self.present.as_ref() || is_stale {
            return Ok(());
        }
        if let Some(value) = value {
            (self.check)(value)?;
        }
        *target = value.cloned();
        Ok(())
    }
}

/// Display names are 1 to 200 characters.
pub fn check_name(name: &str) -> Result<()> {
    within("name", (1..=200).contains(&name.chars().count()), "must have 1 to 200 characters")
}

/// User names are 1 to 64 of `[A-Za-z0-9._-]`.
pub fn check_username(username: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    within(
        "username",
        (1..=64).contains(&username.len()) && username.chars().all(legal),
        "must be 1 to 64 letters, digits, dots, underscores or hyphens",
    )
}

/// Pictures are http(s) or `data:image/` URLs of at most 64 KiB.
pub fn check_picture(picture: &str) -> Result<()> {
    let rest = ["http://", "https://", "data:image/"].iter().find_map(|start| picture.strip_prefix(start));
    let legal = picture.len() <= 64 * 1024
        && rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()));
    within("picture", legal, "must be an http, https or data:image/ URL of at most 64 KiB")
}

/// E-mail addresses have one `@` with text on both sides and no spaces; more only the owner's mail server can tell.
pub fn check_email(email: &str) -> Result<()> {
    let sides = email.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let legal = sides.is_some_and(|(_, domain)| !domain.contains('@'))
        && email.chars().count() <= 254
        && !email.contains(|c: char| c.is_whitespace() || c.is_control());
    within("email", legal, "must be an e-mail address")
}

fn check_font_size(size: i64) -> Result<i64> {
    within("aesthetics.font.size", (6..=96).contains(&size), "must be between 6 and 96")?;
    Ok(size)
}

fn within(path: &str, legal: bool, rule: &str) -> Result<()> {
    if legal { Ok(()) } else { Err(Error::invalid_value(path, rule)) }
}

/// A profile with nothing chosen yet.
pub fn new_profile(id: String, now: Timestamp) -> UserProfile {
    UserProfile {
        id,
        name: None,
        username: None,
        email: None,
        picture: None,
        vanityname: None,
        aesthetics: Aesthetics {
            theme: Theme { dark: true, schema: None },
            font: Font { size: 14, schema: None },
            schema: None,
        },
        allocation: None,
        api_keys: None,
        auth0: None,
        descope: None,
        entities: None,
        providers: None,
        subscriptions: None,
        created: Some(GroupedTimestamp::from(now)),
        updated: Some(GroupedTimestamp::from(now)),
        schema: Some(EmbeddedModelSchema::current()),
    }
}

/// The stamp of the next revision: the present, but always after the last one, so that a stamp names one revision even
/// when the clock jumps back or many changes fall into one millisecond.
pub fn next_stamp(last: Timestamp, now: Timestamp) -> Timestamp {
    now.max(Timestamp::from_millis(last.as_millis().saturating_add(1)).unwrap_or(last))
}
