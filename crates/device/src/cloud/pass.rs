//! Operations that a cloud decides on: they are passed through, under the person's id there, and what is answered is the
//! profile here as well.

use usher_wire::{
    Entities, Entity, Error, ProfileUpdate, Result, ReturnedUserProfile, UserApi, UserBetaStatus, UserProfile,
};

use super::{at_cloud, not_here};
use crate::Device;

/// Asks the cloud as the account a caller speaks of; one that no cloud knows has the other answer.
macro_rules! pass {
    ($device:expr, $caller:expr, $line:ident => $ask:expr, else $other:expr) => {{
        let user = $device.user_of($caller).await?.id;
        if $device.is_of_cloud(&user).await? {
            return $crate::cloud::at_cloud!($device, &user, $line => $ask).map_err($crate::cloud::not_here);
        }
        $other
    }};
}
pub(crate) use pass;

impl Device {
    /// The id the cloud knows an account by; the same as here unless it was met later.
    async fn id_at_cloud(&self, user: &str) -> Result<String> {
        let id = user.to_owned();
        let known = self.read(move |tx| Ok(tx.cloud_account(&id)?.and_then(|account| account.shown))).await?;
        match known {
            Some(shown) => Ok(shown.id),
            None => {
                self.look_at_cloud(user).await.map_err(not_here)?;
                let id = user.to_owned();
                let known = self.read(move |tx| tx.cloud_account(&id)).await?;
                known.and_then(|account| account.shown).map(|shown| shown.id).ok_or_else(Error::not_signed_in)
            }
        }
    }

    pub(crate) async fn beta_status_at_cloud(&self, sent: UserBetaStatus) -> Result<UserBetaStatus> {
        let user = sent.user.clone();
        let sent = UserBetaStatus { user: self.id_at_cloud(&user).await?, ..sent };
        let answer = at_cloud!(self, &user, line => line.client.user_beta_status(&line.caller, sent.clone()));
        let answer = answer.map_err(not_here)?;
        // It shows on the profile, which the caller may read next.
        self.look_at_cloud(&user).await.map_err(not_here)?;
        Ok(UserBetaStatus { user, ..answer })
    }

    pub(crate) async fn providers_at_cloud(&self, user: &str) -> Result<ReturnedUserProfile> {
        let answer =
            at_cloud!(self, user, line => line.client.user_providers(&line.caller)).map_err(not_here)?;
        let known_here = |profile: UserProfile| UserProfile { id: user.to_owned(), ..profile };
        Ok(ReturnedUserProfile { user: answer.user.map(known_here), ..answer })
    }

    pub(crate) async fn vanity_at_cloud(&self, user: &str, edit: ProfileUpdate) -> Result<UserProfile> {
        let edit = ProfileUpdate { id: Some(self.id_at_cloud(user).await?), ..edit };
        let answer =
            at_cloud!(self, user, line => line.client.user_update_vanity(&line.caller, edit.clone()));
        self.adopt(user, answer.map_err(not_here)?, None).await?;
        self.user(user).await
    }

    pub(crate) async fn paddle_at_cloud(&self, user: &str) -> Result<()> {
        let answer = at_cloud!(self, user, line => line.client.user_paddle_refresh(&line.caller));
        self.adopt(user, answer.map_err(not_here)?.user, None).await
    }

    /// The whole organisations and teams of a person; as far as his profile has them where the cloud cannot be asked.
    pub(crate) async fn entities_at_cloud(&self, user: &UserProfile) -> Result<Vec<Entity>> {
        let asked: Result<Entities> =
            async { at_cloud!(self, &user.id, line => line.client.entities_snapshot(&line.caller)) }.await;
        let Ok(mut entities) = asked else {
            let known = user.entities.iter().flat_map(|entities| &entities.iterable);
            return Ok(known.filter_map(|entity| entity.reference.as_deref()).map(Entity::from).collect());
        };
        let id = self.id_at_cloud(&user.id).await?;
        for members in entities.iterable.iter_mut().flat_map(|entity| &mut entity.users) {
            for member in members.iterable.iter_mut().filter(|member| member.id == id) {
                member.id.clone_from(&user.id);
            }
            if let Some(indices) = &mut members.indices
                && let Some(place) = indices.remove(&id)
            {
                indices.insert(user.id.clone(), place);
            }
        }
        Ok(entities.iterable)
    }

    pub(crate) async fn associate_at_cloud(&self, user: &str, entity: &str) -> Result<()> {
        let id = self.id_at_cloud(user).await?;
        at_cloud!(self, user, line => line.client.user_associate_entity(&line.caller, &id, entity))
            .map_err(not_here)?;
        self.look_at_cloud(user).await.map_err(not_here)
    }

    pub(crate) async fn disassociate_at_cloud(&self, user: &str, entity: &str) -> Result<()> {
        let id = self.id_at_cloud(user).await?;
        at_cloud!(self, user, line => line.client.user_disassociate_entity(&line.caller, &id, entity))
            .map_err(not_here)?;
        self.look_at_cloud(user).await.map_err(not_here)
    }
}
