//! People: who a token belongs to, made at first sight, and how their profile is read and changed.

use std::sync::Arc;

use usher_domain::access::{Basis, decide};
use usher_domain::edit::{Named, edit};
use usher_domain::profile::{check_name, check_picture, check_username, new_profile};
use usher_domain::store::{FOR_GOOD, Fault, Tx, User, Visitor, Work};
use usher_issuer::Kind;
use usher_wire::{
    AuditActionEnum, AuditEntry, Auth0User, Caller, Code, DeletionStateEnum, Entity, Error,
    FlattenedEntities, FlattenedEntity, HasFeatureAccessInput, HasFeatureAccessOutput, Present,
    ProfileUpdate, ReferencedEntity, Result, Timestamp, UserBetaStatus, UserProfile, Version,
};
use uuid::Uuid;

use crate::authority::{Bearer, TOKEN_SESSION, refused};
use crate::{Cloud, departed};

/// How often it is written down that a session is alive, in milliseconds.
const SEEN_EVERY: i64 = 600_000;
/// How long a session is listed that is not seen any more, in milliseconds.
const SESSIONS_FOR: i64 = 90 * 24 * 3_600_000;
/// How many sessions of a person are listed: one token may come with any number of names for its device.
const MOST_SESSIONS: i64 = 100;
/// There are no switches in a cloud: a token is one person's.
const GENERATION: u64 = 1;

/// A person who asks.
pub(crate) struct Visit {
    pub(crate) id: String,
    /// The revision of his that was there when he came, and its stamp.
    revision: (u64, i64),
    pub(crate) bearer: Arc<Bearer>,
    pub(crate) session: String,
}

impl Cloud {
    /// Who asks. A token that was never seen makes an account; one of an ended session is refused.
    pub(crate) async fn visit(&self, caller: &Caller) -> Result<Visit> {
        self.visit_by(caller, Act::Asks).await
    }

    async fn visit_by(&self, caller: &Caller, act: Act) -> Result<Visit> {
        let bearer = self.0.authority.bearer(caller).await?;
        let session = bearer.session(caller);
        let visitor = self.visitor(bearer.issuer(), bearer.claims.subject(), &session).await?;
        let now = self.0.ambient.now();
        if let Some(visitor) = visitor {
            check(&visitor, &bearer, &session, act)?;
            // One that was signed out and came back is seen anew, too.
            let refused_before = visitor.refused_before.unwrap_or_default();
            let is_fresh = visitor.seen_at.is_some_and(|at| {
                now.as_millis() - at.as_millis() < SEEN_EVERY && at.as_millis() > refused_before
            });
            if is_fresh && visitor.leaves_since.is_none() {
                let revision = (visitor.revision.try_into().unwrap_or_default(), visitor.updated_at);
                return Ok(Visit { id: visitor.id, revision, bearer, session });
            }
        }
        let user = self.meet(caller, act, &bearer, &session, now).await?;
        let revision = (user.revision.try_into().unwrap_or_default(), user.updated_at.as_millis());
        Ok(Visit { id: user.profile.id, revision, bearer, session })
    }

    /// Writes down that somebody came: for the first time, again after a while, or back after he wanted to leave.
    async fn meet(
        &self,
        caller: &Caller,
        act: Act,
        bearer: &Arc<Bearer>,
        session: &str,
        now: Timestamp,
    ) -> Result<User> {
        let (bearer, session, agent) = (Arc::clone(bearer), session.to_owned(), caller.agent.clone());
        let cloud = self.clone();
        self.write(move |tx| {
            let (issuer, subject) = (bearer.issuer(), bearer.claims.subject());
            let user = match tx.visitor(issuer, subject, &session)? {
                Some(visitor) => {
                    check(&visitor, &bearer, &session, act)?;
                    tx.user(&visitor.id)?.ok_or_else(|| unknown_user(&visitor.id))?
                }
                None => {
                    departed::check(tx, &bearer, &session, act)?;
                    create(tx, &bearer, &cloud, now)?
                }
            };
            let id = &user.profile.id;
            if let Some(asked) = tx.deletion(id)? {
                tx.end_deletion(&asked, DeletionStateEnum::Restored.as_str(), now)?;
                cloud.record(tx, id, AuditActionEnum::AccountRestored, None)?;
                // The provider's clock may be ahead.
                tx.accept_session(id, &session, bearer.issued_at.min(now.as_millis()))?;
            }
            tx.see_session(id, &session, issuer, agent.as_deref(), now)?;
            if let Ok(long_ago) = Timestamp::from_millis(now.as_millis() - SESSIONS_FOR) {
                tx.forget_sessions(id, long_ago, MOST_SESSIONS)?;
            }
            Ok(user)
        })
        .await
    }

    /// Adds to a person's part of the record.
    pub(crate) fn record(
        &self,
        tx: &Tx<'_>,
        user: &str,
        action: AuditActionEnum,
        subject: Option<&str>,
    ) -> Work<()> {
        let entry = AuditEntry {
            at: self.0.ambient.now().into(),
            action,
            user: Some(user.to_owned()),
            application: None,
            origin: None,
            subject: subject.map(str::to_owned),
        };
        tx.insert_audit_of(user, self.0.ambient.uuid(), &entry)
    }

    pub(crate) async fn snapshot(&self, caller: &Caller) -> Result<Arc<Present>> {
        let Visit { id, revision, .. } = self.visit(caller).await?;
        if let Some(known) = self.0.presents.get(&id, revision) {
            return Ok(known);
        }
        let shown = self.shown(&id).await?.ok_or_else(|| unknown_user(&id))?;
        let present = Arc::new(present(shown.user, &shown.entities));
        self.0.presents.put(&present);
        Ok(present)
    }

    pub(crate) async fn profile(&self, caller: &Caller) -> Result<UserProfile> {
        self.snapshot(caller).await?.user.clone().ok_or_else(Error::not_signed_in)
    }

    /// The token says who it is; the body may fill what is empty.
    pub(crate) async fn select(&self, caller: &Caller, body: Option<Auth0User>) -> Result<UserProfile> {
        let visit = self.visit_by(caller, Act::SignsIn).await?;
        let Some(body) = body else { return self.profile(caller).await };
        let (id, subject) = (visit.id.clone(), visit.bearer.claims.subject());
        let is_other = |name: &String| !name.is_empty() && name != subject && *name != id;
        if body.user_id.as_ref().is_some_and(is_other) {
            return Err(Error::new(
                Code::NotAllowed,
                "the token belongs to somebody else than the body names",
            ));
        }
        let given = |member: &Option<String>| member.clone().filter(|text| !text.trim().is_empty());
        let (name, picture) = (given(&body.name), given(&body.picture));
        name.as_deref().map(check_name).transpose()?;
        picture.as_deref().map(check_picture).transpose()?;
        let username =
            given(&body.username).or(given(&body.nickname)).filter(|name| check_username(name).is_ok());
        let now = self.0.ambient.now();
        self.change(id, move |tx, user| {
            let mut profile = user.profile.clone();
            profile.name = profile.name.or_else(|| name.clone());
            profile.picture = profile.picture.or_else(|| picture.clone());
            if let Some(username) = username.as_ref().filter(|_| profile.username.is_none())
                && !tx.username_is_taken(username, &profile.id)?
            {
                profile.username = Some(username.clone());
            }
            store(tx, user, profile, now)
        })
        .await
    }

    pub(crate) async fn update(&self, caller: &Caller, sent: ProfileUpdate) -> Result<UserProfile> {
        let visit = self.visit(caller).await?;
        let id = sent.id.clone().ok_or_else(|| {
            Error::invalid_body(
                "`id` is missing: send the profile to change, or at least its `id` and what changes",
            )
        })?;
        if id != visit.id {
            return Err(unknown_user(&id));
        }
        let named = match caller.seen {
            Some(Version { generation: GENERATION, revision }) => {
                i64::try_from(revision).map_or(Named::Forgotten, Named::Revision)
            }
            Some(_) => Named::Forgotten,
            None => sent.updated.as_ref().map_or(Named::Nothing, |updated| Named::Stamp(updated.value)),
        };
        let now = self.0.ambient.now();
        let device = caller.session.clone().unwrap_or_default();
        let push = caller.idempotency_key.clone().map(|key| (visit.session, device, key));
        self.change(id, move |tx, user| {
            if let Some((session, device, key)) = &push
                && !tx.note_push(&user.profile.id, session, device, key)?
            {
                // Sent again because the answer was lost: somebody else may have changed the same since. What was read
                // above may be from before the first sending.
                return Ok(tx.user(&user.profile.id)?.unwrap_or(user));
            }
            edit(tx, user, &sent, named, false, now)
        })
        .await
    }

    /// What the identity provider says now. One that cannot be reached changes nothing; one that does not answer such
    /// questions leaves what is stored.
    pub(crate) async fn refresh(&self, caller: &Caller) -> Result<UserProfile> {
        let visit = self.visit(caller).await?;
        let token = caller.bearer.clone().ok_or_else(Error::not_signed_in)?;
        let issuer = Arc::clone(&visit.bearer.issuer);
        let claims = match issuer.userinfo(token.expose()).await {
            Ok(claims) if claims.subject() == visit.bearer.claims.subject() => claims,
            Err(trouble) if matches!(trouble.kind, Kind::Unreachable | Kind::Lost | Kind::Failed) => {
                return Err(trouble.into());
            }
            Ok(_) | Err(_) => visit.bearer.claims.clone(),
        };
        let (kind, now) = (issuer.settings.kind(), self.0.ambient.now());
        self.change(visit.id.clone(), move |tx, user| {
            let mut profile = user.profile.clone();
            claims.fill(tx, &mut profile, kind)?;
            store(tx, user, profile, now)
        })
        .await
    }

    pub(crate) async fn beta_status(&self, caller: &Caller, sent: UserBetaStatus) -> Result<UserBetaStatus> {
        let visit = self.visit(caller).await?;
        if sent.user != visit.id {
            return Err(unknown_user(&sent.user));
        }
        let (id, now) = (visit.id.clone(), self.0.ambient.now());
        self.write_and_tell(move |tx| {
            let user = tx.user(&id)?.ok_or_else(|| unknown_user(&id))?;
            let beta = user.beta.apply(&sent, now)?;
            let status = beta.status(&id);
            if beta == user.beta {
                return Ok((status, Vec::new()));
            }
            let revision = tx.update_user(&user, user.profile.clone(), beta, now)?.revision;
            Ok((status, vec![(id.clone(), revision)]))
        })
        .await
    }

    pub(crate) async fn feature_access(
        &self,
        caller: &Caller,
        input: &HasFeatureAccessInput,
    ) -> Result<HasFeatureAccessOutput> {
        let present = self.snapshot(caller).await?;
        let entities = present
            .user
            .iter()
            .filter_map(|user| user.entities.as_ref())
            .flat_map(|entities| &entities.iterable);
        let basis = Basis { as_of: Some(self.0.ambient.now()), stale: false };
        decide(entities.filter_map(|entity| entity.reference.as_deref()), input, basis)
    }

    /// Changes a person, tells everybody who follows him, and answers the profile.
    pub(crate) async fn change(
        &self,
        id: String,
        work: impl Fn(&Tx<'_>, User) -> Work<User> + Send + 'static,
    ) -> Result<UserProfile> {
        self.write_and_tell(move |tx| {
            let user = tx.user(&id)?.ok_or_else(|| unknown_user(&id))?;
            let user = work(tx, user)?;
            let changes = vec![(id.clone(), user.revision)];
            let entities = tx.entities_of(&id)?;
            Ok((compose(user, &entities), changes))
        })
        .await
    }
}

/// What a person is about to do.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Act {
    /// Says that he is there now.
    SignsIn,
    /// Anything else, which programs do by themselves.
    Asks,
}

/// Whether the visitor's token is still good.
fn check(visitor: &Visitor, bearer: &Bearer, session: &str, act: Act) -> Result<()> {
    if visitor.refused_before == Some(FOR_GOOD) {
        return Err(refused("this session was ended: sign in again at the identity provider"));
    }
    if let Some(since) = visitor.leaves_since {
        return match signed_in_since(since, visitor.seen_at.is_some(), bearer, session, act) {
            true => Ok(()),
            false => Err(refused("this account is about to be deleted: sign in again to keep it")),
        };
    }
    match visitor.refused_before {
        Some(before) if bearer.issued_at <= before => {
            Err(refused("this session was signed out: get a new access token by signing in again"))
        }
        _ => Ok(()),
    }
}

/// Whether the person signed in after a moment. Programs refresh tokens by themselves, so a new token alone says nothing:
/// the provider says when it was (`auth_time`), or the session was never seen here. Where the token itself is the session,
/// each one is new, and only who selects the account signs in.
pub(crate) fn signed_in_since(since: i64, is_seen: bool, bearer: &Bearer, session: &str, act: Act) -> bool {
    match bearer.claims.authenticated() {
        Some(seconds) => seconds.saturating_mul(1000) > since,
        None if is_seen || bearer.issued_at <= since => false,
        None => act == Act::SignsIn || !session.starts_with(TOKEN_SESSION),
    }
}

/// An account for somebody who was never here.
fn create(tx: &Tx<'_>, bearer: &Bearer, cloud: &Cloud, now: Timestamp) -> Work<User> {
    let new: Uuid = cloud.0.ambient.uuid();
    let id = bearer.claims.account_id(tx, new)?;
    let mut profile = new_profile(id.clone(), now);
    bearer.claims.fill(tx, &mut profile, bearer.issuer.settings.kind())?;
    // Two tokens of the same new person at the same moment: the second one finds what the first one made.
    tx.insert_user(&profile, now).map_err(|fault| match fault {
        Fault::Refused(error) if error.code == Code::Taken => Fault::Raced,
        fault => fault,
    })?;
    if !tx.insert_identity(bearer.issuer(), bearer.claims.subject(), &id)? {
        return Err(Fault::Raced);
    }
    cloud.record(tx, &id, AuditActionEnum::AccountAdded, Some(bearer.issuer()))?;
    Ok(tx.user(&id)?.ok_or_else(|| unknown_user(&id))?)
}

fn store(tx: &Tx<'_>, user: User, profile: UserProfile, now: Timestamp) -> Work<User> {
    if profile == user.profile { Ok(user) } else { tx.update_user(&user, profile, user.beta.clone(), now) }
}

/// The state readers take.
pub(crate) fn present(user: User, entities: &[Entity]) -> Present {
    let revision = u64::try_from(user.revision).unwrap_or_default();
    Present::new(Version { generation: GENERATION, revision }, Some(compose(user, entities)))
}

/// The profile as callers see it: the stored one with what is known of the person elsewhere.
pub(crate) fn compose(user: User, entities: &[Entity]) -> UserProfile {
    let mut profile = user.profile;
    user.beta.show_on(&mut profile);
    if !entities.is_empty() {
        let references = entities.iter().map(|entity| ReferencedEntity {
            id: entity.id.clone(),
            reference: Some(Box::new(FlattenedEntity::from(entity))),
            schema: None,
        });
        let indices = (0..).zip(entities).map(|(index, entity)| (entity.id.clone(), index)).collect();
        profile.entities = Some(FlattenedEntities {
            iterable: references.collect(),
            indices: Some(indices),
            score: None,
            schema: None,
        });
    }
    profile
}

pub(crate) fn unknown_user(id: &str) -> Error {
    Error::not_found(format_args!("account `{id}` for you"))
}
