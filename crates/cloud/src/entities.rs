//! Organisations and teams: made by anybody, changed by their admins. A change of one is a change of all its members'
//! profiles, in the same transaction.

use usher_domain::store::{StoredEntity, Tx, User, Work};
use usher_wire::{
    Caller, Code, Entities, Entity, EntityTypeEnum, Error, FlattenedUsers, InstanceConfiguration,
    ReferencedUser, Result, SeededEntity, Timestamp,
};

use crate::Cloud;
use crate::fanout::Changes;

/// How many organisations and teams a person may belong to.
const MOST_MEMBERSHIPS: usize = 64;

impl Cloud {
    pub(crate) async fn entities(&self, caller: &Caller) -> Result<Entities> {
        let id = self.visit(caller).await?.id;
        self.read(move |tx| {
            let mut iterable = tx.entities_of(&id)?;
            iterable.iter_mut().try_for_each(|entity| show_members(tx, entity))?;
            let indices = (0..).zip(&iterable).map(|(index, entity)| (entity.id.clone(), index)).collect();
            Ok(Entities { iterable, indices: Some(indices), ..Entities::default() })
        })
        .await
    }

    pub(crate) async fn entity(&self, caller: &Caller, entity: &str) -> Result<Entity> {
        let (id, entity) = (self.visit(caller).await?.id, entity.to_owned());
        self.read(move |tx| {
            let mut found = of_member(tx, &entity, &id)?.0.entity;
            show_members(tx, &mut found)?;
            Ok(found)
        })
        .await
    }

    pub(crate) async fn create_entity(&self, caller: &Caller, seed: SeededEntity) -> Result<Entity> {
        let visit = self.visit(caller).await?;
        let (id, now) = (visit.id.clone(), self.0.ambient.now());
        let entity = new_entity(self.0.ambient.uuid().to_string(), seed, now)?;
        let made = entity.clone();
        self.write_and_tell(move |tx| {
            tx.insert_entity(&entity, now)?;
            check_memberships(tx, &id, &entity.id)?;
            tx.insert_membership(&id, &entity.id)?;
            tx.make_admin(&entity.id, &id)?;
            Ok(((), touch(tx, &entity.id, now)?))
        })
        .await?;
        self.entity(caller, &made.id).await
    }

    pub(crate) async fn update_entity(&self, caller: &Caller, sent: Entity) -> Result<Entity> {
        let (id, now, entity) = (self.visit(caller).await?.id, self.0.ambient.now(), sent.id.clone());
        check_entity_name(&sent.name)?;
        self.write_and_tell(move |tx| {
            let stored = of_admin(tx, &sent.id, &id)?;
            let changed = Entity {
                created: stored.entity.created.clone(),
                updated: now.into(),
                users: None,
                subscriptions: stored.entity.subscriptions.clone(),
                ..sent.clone()
            };
            tx.update_entity(&stored, &changed, now)?;
            Ok(((), touch(tx, &sent.id, now)?))
        })
        .await?;
        self.entity(caller, &entity).await
    }

    pub(crate) async fn delete_entity(&self, caller: &Caller, entity: &str) -> Result<()> {
        let (id, now, entity) = (self.visit(caller).await?.id, self.0.ambient.now(), entity.to_owned());
        self.write_and_tell(move |tx| {
            of_admin(tx, &entity, &id)?;
            let told = touch(tx, &entity, now)?;
            tx.delete_entity(&entity)?;
            Ok(((), told))
        })
        .await
    }

    /// An admin takes somebody in.
    pub(crate) async fn associate(&self, caller: &Caller, user: &str, entity: &str) -> Result<()> {
        let (id, now) = (self.visit(caller).await?.id, self.0.ambient.now());
        let (user, entity) = (user.to_owned(), entity.to_owned());
        self.write_and_tell(move |tx| {
            of_admin(tx, &entity, &id)?;
            let member = tx.user(&user)?.ok_or_else(|| Error::not_found(format_args!("account `{user}`")))?;
            check_memberships(tx, &user, &entity)?;
            tx.insert_membership(&user, &entity)?;
            Ok(((), vec![bump(tx, member, now)?]))
        })
        .await
    }

    /// An admin lets somebody go, or a member leaves. The last admin of others stays.
    pub(crate) async fn disassociate(&self, caller: &Caller, user: &str, entity: &str) -> Result<()> {
        let (id, now) = (self.visit(caller).await?.id, self.0.ambient.now());
        let (user, entity) = (user.to_owned(), entity.to_owned());
        self.write_and_tell(move |tx| {
            if user == id {
                of_member(tx, &entity, &id)?.0
            } else {
                of_admin(tx, &entity, &id)?
            };
            let members = tx.members(&entity)?;
            let has_other_admin = members.iter().any(|(member, is_admin)| *is_admin && *member != user);
            let is_admin = members.iter().any(|(member, is_admin)| *is_admin && *member == user);
            if is_admin && !has_other_admin {
                let message = "the last admin cannot leave: delete the organisation instead";
                return Err(Error::new(Code::NotAllowed, message).into());
            }
            tx.delete_membership(&user, &entity)?;
            let member = tx.user(&user)?.ok_or_else(|| Error::not_found(format_args!("account `{user}`")))?;
            Ok(((), vec![bump(tx, member, now)?]))
        })
        .await
    }
}

/// The entity, if `user` belongs to it, and whether he is an admin of it. Nobody else learns that it exists.
fn of_member(tx: &Tx<'_>, entity: &str, user: &str) -> Work<(StoredEntity, bool)> {
    let unknown = || Error::not_found(format_args!("organisation or team `{entity}` for you"));
    let members = tx.members(entity)?;
    let (_, is_admin) = members.iter().find(|(member, _)| member == user).ok_or_else(unknown)?;
    Ok((tx.entity(entity)?.ok_or_else(unknown)?, *is_admin))
}

fn of_admin(tx: &Tx<'_>, entity: &str, user: &str) -> Work<StoredEntity> {
    match of_member(tx, entity, user)? {
        (stored, true) => Ok(stored),
        (_, false) => {
            Err(Error::new(Code::NotAllowed, "only admins of the organisation may do this: ask one").into())
        }
    }
}

/// Makes a change of an entity a change of its members; answers their new revisions.
fn touch(tx: &Tx<'_>, entity: &str, now: Timestamp) -> Work<Changes> {
    let mut told = Vec::new();
    for (member, _) in tx.members(entity)? {
        if let Some(user) = tx.user(&member)? {
            told.push(bump(tx, user, now)?);
        }
    }
    Ok(told)
}

fn bump(tx: &Tx<'_>, user: User, now: Timestamp) -> Work<(String, i64)> {
    let user = tx.update_user(&user, user.profile.clone(), user.beta.clone(), now)?;
    Ok((user.profile.id, user.revision))
}

fn show_members(tx: &Tx<'_>, entity: &mut Entity) -> Work<()> {
    let iterable: Vec<ReferencedUser> = tx
        .members(&entity.id)?
        .into_iter()
        .map(|(id, _)| ReferencedUser { id, reference: None, schema: None })
        .collect();
    let indices = (0..).zip(&iterable).map(|(index, user)| (user.id.clone(), index)).collect();
    entity.users = Some(FlattenedUsers { iterable, indices: Some(indices), score: None, schema: None });
    Ok(())
}

/// Organisations are part of the profiles of their members, so together they must leave those readable.
fn check_memberships(tx: &Tx<'_>, user: &str, entity: &str) -> Work<()> {
    let known = tx.memberships(user)?;
    if known.len() < MOST_MEMBERSHIPS || known.iter().any(|known| known == entity) {
        return Ok(());
    }
    let message =
        format!("nobody belongs to more than {MOST_MEMBERSHIPS} organisations and teams: leave one");
    Err(Error::new(Code::NotAllowed, message).into())
}

fn check_entity_name(name: &str) -> Result<()> {
    match name.trim().chars().count() {
        1..=200 => Ok(()),
        _ => Err(Error::new(Code::InvalidValue, "`name` must have 1 to 200 characters")),
    }
}

fn new_entity(id: String, seed: SeededEntity, now: Timestamp) -> Result<Entity> {
    check_entity_name(&seed.name)?;
    Ok(Entity {
        id,
        name: seed.name,
        r#type: EntityTypeEnum::Organization,
        configuration: InstanceConfiguration::default(),
        created: now.into(),
        updated: now.into(),
        deleted: None,
        domains: seed.domains,
        org_identifier: seed.org_identifier,
        team_identifier: seed.team_identifier,
        subscriptions: None,
        users: None,
        score: None,
        schema: None,
    })
}
