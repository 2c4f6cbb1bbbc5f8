//! The accounts of this device and which of them is current: select, clear, list, remove.

use std::sync::Arc;

use usher_domain::profile::{
    CLIENT_DEFAULT_EMAIL, CLIENT_DEFAULT_PICTURE, check_email, check_name, check_picture, check_username,
    new_profile,
};
use usher_domain::store::{Tx, User, Work};
use usher_wire::{AuditActionEnum, Auth0User, Caller, Code, Error, Result, Timestamp, UserProfile, Users};
use uuid::Uuid;

use crate::Device;
use crate::policies::Policies;
use crate::presence::compose;
use crate::session::{end_session, require_session};

/// The issuer of names that were only ever told to this device.
const LOCAL: &str = "local";

impl Device {
    pub(crate) async fn select(&self, caller: &Caller, body: Option<Auth0User>) -> Result<UserProfile> {
        let policies = Arc::clone(&self.0.policies.borrow());
        let (now, new_id) = (self.0.ambient.now(), self.0.ambient.uuid());
        let has_issuer = !self.0.issuers.is_empty();
        body.as_ref().map(check).transpose()?;
        let witness = self.witness(caller);
        self.write(move |tx| {
            let body = body.filter(names_somebody);
            let user = match &body {
                None => last_current(tx)?,
                Some(body) => match identify(tx, body)? {
                    Some(id) => {
                        learn(tx, body, &id)?;
                        tx.user(&id)?.map(|user| enrich(tx, user, body, now)).transpose()?
                    }
                    None if has_issuer => return Err(unknown_here().into()),
                    None => {
                        let user = create(tx, body, new_id, now)?;
                        witness.record(tx, AuditActionEnum::AccountAdded, Some(&user.profile.id), None)?;
                        Some(user)
                    }
                },
            };
            let user = user.ok_or_else(|| {
                Error::new(
                    Code::NotFound,
                    "no account was ever signed in on this device: run `usher login` or send who to select",
                )
            })?;
            require_session(tx, &user)?;
            let current = tx.device()?.and_then(|device| device.current_user_id);
            if current.as_deref() != Some(&user.profile.id) {
                tx.set_current(Some(&user.profile.id))?;
                witness.record(tx, AuditActionEnum::AccountSelected, Some(&user.profile.id), None)?;
            }
            compose(tx, user, &policies)
        })
        .await
    }

    pub(crate) async fn clear(&self, caller: &Caller) -> Result<()> {
        let witness = self.witness(caller);
        self.write(move |tx| {
            if let Some(user) = tx.device()?.and_then(|device| device.current_user_id) {
                tx.set_current(None)?;
                witness.record(tx, AuditActionEnum::SignedOut, Some(&user), None)?;
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn users(&self) -> Result<Users> {
        let policies = Arc::clone(&self.0.policies.borrow());
        self.read(move |tx| list(tx, &policies)).await
    }

    pub(crate) async fn user(&self, id: &str) -> Result<UserProfile> {
        let (policies, id) = (Arc::clone(&self.0.policies.borrow()), id.to_owned());
        self.read(move |tx| {
            let user = tx.user(&id)?.ok_or_else(|| unknown_user(&id))?;
            compose(tx, user, &policies)
        })
        .await
    }

    /// Removes an account with its data; the current one signs out by it.
    pub(crate) async fn disconnect(&self, caller: &Caller, id: &str) -> Result<Users> {
        let (policies, user) = (Arc::clone(&self.0.policies.borrow()), id.to_owned());
        let (now, debt) = (self.0.ambient.now(), self.0.ambient.uuid().to_string());
        let witness = self.witness(caller);
        let rest = self
            .write(move |tx| {
                if tx.device()?.is_some_and(|device| device.current_user_id.as_ref() == Some(&user)) {
                    tx.set_current(None)?;
                }
                end_session(tx, &user, debt, now)?;
                if !tx.delete_user(&user)? {
                    return Err(unknown_user(&user).into());
                }
                witness.record(tx, AuditActionEnum::AccountRemoved, Some(&user), None)?;
                list(tx, &policies)
            })
            .await?;
        self.session_ended(id);
        Ok(rest)
    }
}

fn list(tx: &Tx<'_>, policies: &Policies) -> Work<Users> {
    let mut iterable = Vec::new();
    for account in tx.accounts()? {
        if let Some(user) = tx.user(&account.user_id)? {
            iterable.push(compose(tx, user, policies)?);
        }
    }
    Ok(Users { iterable, ..Users::default() })
}

pub(crate) fn unknown_user(id: &str) -> Error {
    Error::not_found(format_args!("account `{id}` on this device"))
}

/// 401: with an identity provider, accounts are made by signing in there.
fn unknown_here() -> Error {
    let message =
        "no account of this device is called so: run `usher login` to sign in with the identity provider";
    Error::new(Code::NotSignedIn, message)
}

fn last_current(tx: &Tx<'_>) -> Work<Option<User>> {
    tx.accounts()?.first().map(|account| tx.user(&account.user_id)).transpose().map(Option::flatten)
}

/// Refuses values outside their limits, used or not.
fn check(body: &Auth0User) -> Result<()> {
    let check = |member: &Option<String>, rule: fn(&str) -> Result<()>| {
        member.as_deref().filter(|text| !text.is_empty()).map_or(Ok(()), rule)
    };
    check(&body.name, check_name)?;
    check(&body.email, check_email)?;
    check(&body.picture, check_picture)
}

/// Whether the body says anything of who is meant; an empty one is as good as none.
fn names_somebody(body: &Auth0User) -> bool {
    !subjects(body).is_empty()
        || email(body).is_some()
        || given(&body.name).is_some()
        || nickname(body).is_some()
}

/// A member with something in it.
fn given(member: &Option<String>) -> Option<&str> {
    member.as_deref().filter(|text| !text.trim().is_empty())
}

/// The e-mail, unless it is the one generated clients send for none.
fn email(body: &Auth0User) -> Option<&str> {
    given(&body.email).filter(|email| !email.eq_ignore_ascii_case(CLIENT_DEFAULT_EMAIL))
}

fn nickname(body: &Auth0User) -> Option<&str> {
    given(&body.username).or(given(&body.nickname)).filter(|name| check_username(name).is_ok())
}

/// Whether a body is about the account with this id and one of these names, as far as it says.
pub(crate) fn is_about(body: &Auth0User, id: &str, names: &[&str]) -> bool {
    let subjects = subjects(body);
    subjects.is_empty() || subjects.iter().any(|subject| subject == id || names.contains(&subject.as_str()))
}

/// The names a body gives its user, the strongest first. An id within a provider counts together with the provider,
/// spelled as Auth0 spells its own ids.
fn subjects(body: &Auth0User) -> Vec<String> {
    let global_id = body.user_metadata.as_ref().map(|metadata| metadata.global_id.clone());
    let linked = body.identities.iter().flatten().filter_map(|identity| {
        let id = given(&identity.user_id)?;
        Some(given(&identity.provider).map_or_else(|| id.to_owned(), |provider| format!("{provider}|{id}")))
    });
    let own = global_id.into_iter().chain(body.user_id.clone());
    own.chain(linked).filter(|subject| !subject.trim().is_empty()).map(canonical).collect()
}

/// A uuid is the same in every spelling; ids are stored in one.
fn canonical(subject: String) -> String {
    Uuid::parse_str(&subject).map_or(subject, |id| id.to_string())
}

/// Remembers every name under which an account was selected, so that each finds it the next time.
fn learn(tx: &Tx<'_>, body: &Auth0User, id: &str) -> Work<()> {
    subjects(body)
        .iter()
        .filter(|subject| *subject != id)
        .try_for_each(|subject| tx.insert_identity(LOCAL, subject, id).map(drop))
}

fn identify(tx: &Tx<'_>, body: &Auth0User) -> Work<Option<String>> {
    for subject in subjects(body) {
        let known = match tx.account(&subject)? {
            Some(account) => Some(account.user_id),
            None => tx.user_id_by_subject(&subject)?,
        };
        if known.is_some() {
            return Ok(known);
        }
    }
    email(body).map(|email| tx.local_user_id_by_email(email)).transpose().map(Option::flatten)
}

/// A new local account for an identity nobody here knows.
fn create(tx: &Tx<'_>, body: &Auth0User, new_id: Uuid, now: Timestamp) -> Work<User> {
    let global_id =
        body.user_metadata.as_ref().and_then(|metadata| Uuid::parse_str(&metadata.global_id).ok());
    let id = global_id.unwrap_or(new_id).to_string();
    let mut profile = new_profile(id.clone(), now);
    fill(tx, &mut profile, body)?;
    tx.insert_user(&profile, now)?;
    tx.insert_account(&id, true)?;
    learn(tx, body, &id)?;
    Ok(tx.user(&id)?.ok_or_else(|| unknown_user(&id))?)
}

fn enrich(tx: &Tx<'_>, user: User, body: &Auth0User, now: Timestamp) -> Work<User> {
    let mut profile = user.profile.clone();
    fill(tx, &mut profile, body)?;
    if profile == user.profile { Ok(user) } else { tx.update_user(&user, profile, user.beta.clone(), now) }
}

/// Fills members that are empty. A user name or e-mail of somebody else is left out, and so is a user name that is not
/// legal: it is a courtesy, not a claim.
fn fill(tx: &Tx<'_>, profile: &mut UserProfile, body: &Auth0User) -> Work<()> {
    let empty = |member: &Option<String>| member.as_deref().is_none_or(str::is_empty);
    if let Some(name) = given(&body.name).filter(|_| empty(&profile.name)) {
        profile.name = Some(name.to_owned());
    }
    if let Some(email) = email(body).filter(|_| empty(&profile.email))
        && tx.local_user_id_by_email(email)?.is_none()
    {
        profile.email = Some(email.to_owned());
    }
    let picture = given(&body.picture).filter(|picture| *picture != CLIENT_DEFAULT_PICTURE);
    if let Some(picture) = picture.filter(|_| empty(&profile.picture)) {
        profile.picture = Some(picture.to_owned());
    }
    if let Some(username) = nickname(body).filter(|_| empty(&profile.username))
        && !tx.username_is_taken(username, &profile.id)?
    {
        profile.username = Some(username.to_owned());
    }
    Ok(())
}
