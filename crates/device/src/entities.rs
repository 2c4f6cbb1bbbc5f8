//! Organisations and teams: which ones the user belongs to, joining and leaving, and what they allow.

use std::sync::Arc;

use usher_domain::access::{Basis, decide};
use usher_wire::{
    Caller, Code, Entities, Entity, Error, HasFeatureAccessInput, HasFeatureAccessOutput, Result,
};

use crate::Device;
use crate::accounts::unknown_user;
use crate::bound::signed_out;
use crate::policies::{Membership, membership};

impl Device {
    pub(crate) async fn feature_access(
        &self,
        caller: &Caller,
        input: &HasFeatureAccessInput,
    ) -> Result<HasFeatureAccessOutput> {
        let present = self.present_to(caller).await?;
        let user = present.user.as_ref().ok_or_else(|| signed_out(caller))?;
        let entities = user.entities.iter().flat_map(|entities| &entities.iterable);
        let basis = match self.0.cloud.contact(&user.id) {
            Some(contact) => {
                Basis { as_of: contact.checked_in, stale: contact.is_stale(self.0.ambient.now()) }
            }
            None => Basis { as_of: self.0.policies.borrow().read_at, stale: false },
        };
        decide(entities.filter_map(|entity| entity.reference.as_deref()), input, basis)
    }

    pub(crate) async fn associate(&self, user: &str, entity: &str) -> Result<()> {
        if self.asks_cloud_for(user, entity).await? {
            return self.associate_at_cloud(user, entity).await;
        }
        let reason = self.membership_of(user, entity)?;
        let (user, entity) = (user.to_owned(), entity.to_owned());
        self.write(move |tx| {
            tx.account(&user)?.ok_or_else(|| unknown_user(&user))?;
            match reason {
                Membership::Open => tx.insert_membership(&user, &entity),
                Membership::Everyone | Membership::Listed => Ok(()),
            }
        })
        .await
    }

    pub(crate) async fn disassociate(&self, user: &str, entity: &str) -> Result<()> {
        if self.asks_cloud_for(user, entity).await? {
            return self.disassociate_at_cloud(user, entity).await;
        }
        let reason = self.membership_of(user, entity)?;
        let (user, entity) = (user.to_owned(), entity.to_owned());
        self.write(move |tx| {
            tx.account(&user)?.ok_or_else(|| unknown_user(&user))?;
            let why = match reason {
                Membership::Open => return tx.delete_membership(&user, &entity),
                Membership::Everyone => "applies to every account of this device",
                Membership::Listed => "lists the account",
            };
            let message = format!("the policy file of `{entity}` {why}: change the file to leave it");
            Err(Error::new(Code::NotAllowed, message).into())
        })
        .await
    }

    /// Whether the entity is the cloud's business: no policy file of this device has it.
    async fn asks_cloud_for(&self, user: &str, entity: &str) -> Result<bool> {
        let is_of_file = self.0.policies.borrow().entity(entity).is_some();
        Ok(!is_of_file && self.is_of_cloud(user).await?)
    }

    fn membership_of(&self, user: &str, entity: &str) -> Result<Membership> {
        self.opened()?;
        let policies = Arc::clone(&self.0.policies.borrow());
        let found = policies.entity(entity).ok_or_else(|| unknown_entity(entity))?;
        Ok(membership(found, user))
    }

    /// The whole entities the user belongs to: what the cloud says, and those of policy files, whose ids are on the
    /// profile.
    pub(crate) async fn entities(&self, caller: &Caller) -> Result<Entities> {
        let present = self.present_to(caller).await?;
        let user = present.user.as_ref().ok_or_else(|| signed_out(caller))?;
        let of_cloud =
            if self.is_of_cloud(&user.id).await? { self.entities_at_cloud(user).await? } else { Vec::new() };
        let policies = Arc::clone(&self.0.policies.borrow());
        let is_of_file = |entity: &Entity| policies.entity(&entity.id).is_some();
        let of_files = user.entities.iter().flat_map(|entities| &entities.iterable);
        let of_files = of_files.filter_map(|entity| policies.entity(&entity.id)).cloned();
        let iterable: Vec<Entity> =
            of_cloud.into_iter().filter(|entity| !is_of_file(entity)).chain(of_files).collect();
        let indices = (0..).zip(&iterable).map(|(index, entity)| (entity.id.clone(), index)).collect();
        Ok(Entities { iterable, indices: Some(indices), ..Entities::default() })
    }

    pub(crate) async fn entity(&self, caller: &Caller, id: &str) -> Result<Entity> {
        let entities = self.entities(caller).await?.iterable;
        entities.into_iter().find(|entity| entity.id == id).ok_or_else(|| unknown_entity(id))
    }
}

fn unknown_entity(id: &str) -> Error {
    Error::not_found(format_args!("organisation or team `{id}` for you"))
}
