//! Changing a stored profile by the rule of `merge`, the same on a device and in a cloud.

use usher_wire::{Code, Error, ProfileUpdate, Timestamp, UserProfile};

use crate::profile::{Base, merge};
use crate::store::{Tx, User, Work};

/// Which state a caller says that his edit was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// He says nothing.
    Nothing,
    /// The one with this stamp.
    Stamp(Timestamp),
    /// The one of this revision.
    Revision(i64),
    /// One that is not known any more.
    Forgotten,
}

/// Merges an edit into a stored person and stores what comes of it.
///
/// `is_local` says whether the e-mail is the caller's to write. Errors: those of `merge`, and `taken`.
pub fn edit(
    tx: &Tx<'_>,
    user: User,
    edit: &ProfileUpdate,
    named: Named,
    is_local: bool,
    now: Timestamp,
) -> Work<User> {
    let known = match named {
        Named::Stamp(stamp) => tx.revision_at(&user.profile.id, stamp)?,
        Named::Revision(revision) => tx.revision(&user.profile.id, revision)?,
        Named::Nothing | Named::Forgotten => None,
    };
    let base = match (named, &known) {
        (Named::Nothing, _) => Base::Unnamed,
        (_, Some(known)) => Base::Known(known),
        (_, None) => Base::Forgotten,
    };
    match merge(&user.profile, base, edit, is_local)? {
        Some(merged) => {
            check_unique(tx, &user, &merged)?;
            tx.update_user(&user, merged, user.beta.clone(), now)
        }
        None => Ok(user),
    }
}

/// A user name is one account's alone, and so is the e-mail by which a local account is selected.
fn check_unique(tx: &Tx<'_>, user: &User, merged: &UserProfile) -> Work<()> {
    let taken = |what: &str, value: &str| {
        Error::new(Code::Taken, format!("the {what} `{value}` is taken: choose another one")).into()
    };
    if merged.username != user.profile.username
        && let Some(username) = &merged.username
        && tx.username_is_taken(username, &merged.id)?
    {
        return Err(taken("user name", username));
    }
    if merged.email != user.profile.email
        && let Some(email) = &merged.email
        && tx.local_user_id_by_email(email)?.is_some_and(|owner| owner != merged.id)
    {
        return Err(taken("e-mail", email));
    }
    Ok(())
}
