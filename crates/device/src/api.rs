//! The operations of one machine as a table. What takes more than a line stands in the file of its noun; what needs a
//! cloud, a billing service or an identity provider says here that this device has none.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use usher_wire::{
    About, AllocationCloud, Allocations, Applications, Audit, AuditActionEnum, Auth0User, Caller, Code,
    Context, Deletion, Entities, Entity, Error, HasFeatureAccessInput, HasFeatureAccessOutput, OAuthToken,
    Origin, OriginDecision, Origins, PKCE, PKCERedirect, Present, ProfileUpdate, RefreshedPaddleUser, Result,
    ReturnedUserProfile, Secret, SeededConnectorConnection, SeededEntity, SeededPKCE, SignIn, SignInRedirect,
    SignInRequest, Status, Subscription, Subscriptions, TokenizedPKCE, UserApi, UserBetaStatus,
    UserCheckoutOutput, UserExport, UserLastCheckedInStreamOutput, UserManageSubscriptionsOutput,
    UserProfile, UserSessions, Users,
};

use crate::Device;
use crate::bound::signed_out;
use crate::cloud::{not_here, pass};
use crate::streams::states;

const NO_CLOUD: &str = "this device is not connected to a cloud, so it has no allocation and no vanity name";
const NO_BILLING: &str = "this device has no billing service: plans are managed where the account was made";
const ENTITIES_ARE_FILES: &str = "organisations and teams cannot be changed through a device: change the policy file, or the cloud it comes from";
const NO_CLOUD_ACCOUNT: &str = "this account is kept by this device alone, which is not connected to a cloud: `usher accounts` lists what is here, `POST /users/{user}/disconnect` removes it";
/// What the record of token reads calls it.
const ACCESS_TOKEN: &str = "access token";

impl Device {
    /// The user the caller speaks of.
    async fn user_of(&self, caller: &Caller) -> Result<UserProfile> {
        self.present_to(caller).await?.user.clone().ok_or_else(|| signed_out(caller))
    }
}

#[async_trait]
impl UserApi for Device {
    async fn user_snapshot(&self, caller: &Caller) -> Result<Arc<Present>> {
        self.present_to(caller).await
    }

    async fn clear_user(&self, caller: &Caller) -> Result<()> {
        self.clear(caller).await
    }

    async fn refresh_user(&self, caller: &Caller) -> Result<UserProfile> {
        let user = self.user_of(caller).await?;
        if self.is_of_cloud(&user.id).await? {
            self.check_in_now(&user.id).await.map_err(not_here)?;
        }
        self.user_of(caller).await
    }

    async fn select_user(&self, caller: &Caller, user: Option<Auth0User>) -> Result<UserProfile> {
        match &caller.bearer {
            Some(bearer) => self.select_as_bearer(bearer, user).await,
            None => self.select(caller, user).await,
        }
    }

    async fn stream_user(&self, caller: &Caller) -> Result<BoxStream<'static, Arc<Present>>> {
        Ok(states(self.follow(caller).await?))
    }

    async fn update_user(&self, caller: &Caller, edit: ProfileUpdate) -> Result<UserProfile> {
        self.update(edit, caller.seen).await
    }

    async fn user_beta_status(&self, caller: &Caller, status: UserBetaStatus) -> Result<UserBetaStatus> {
        self.beta_status(caller, status).await
    }

    async fn user_providers(&self, caller: &Caller) -> Result<ReturnedUserProfile> {
        let present = self.present_to(caller).await?;
        if let Some(user) = &present.user
            && self.is_of_cloud(&user.id).await?
        {
            self.require_registered(caller).await?;
            return self.providers_at_cloud(&user.id).await;
        }
        Err(Error::not_available_here(
            "linked providers are kept by a cloud, and this device is not connected to one",
        ))
    }

    async fn user_update_vanity(&self, caller: &Caller, edit: ProfileUpdate) -> Result<UserProfile> {
        if let Some(user) = &self.present_to(caller).await?.user
            && self.is_of_cloud(&user.id).await?
        {
            return self.vanity_at_cloud(&user.id, edit).await;
        }
        Err(Error::new(Code::NotConnected, NO_CLOUD))
    }

    async fn user_access_token(&self, caller: &Caller) -> Result<Secret> {
        self.require_registered(caller).await?;
        let (user, witness) = (self.user_of(caller).await?, self.witness(caller));
        let token = self.access_token(&user.id).await;
        let action = match token {
            Ok(_) => AuditActionEnum::TokenRead,
            Err(_) => AuditActionEnum::TokenRefused,
        };
        // Written down before the token is out of our hands.
        self.write(move |tx| witness.record(tx, action, Some(&user.id), Some(ACCESS_TOKEN))).await?;
        token
    }

    async fn stream_user_last_checked_in(
        &self,
        caller: &Caller,
    ) -> Result<BoxStream<'static, UserLastCheckedInStreamOutput>> {
        Ok(self.check_ins(self.follow(caller).await?))
    }

    async fn user_checkout(&self, caller: &Caller) -> Result<UserCheckoutOutput> {
        pass!(self, caller, line => line.client.user_checkout(&line.caller),
            else Err(Error::not_available_here(NO_BILLING)))
    }

    async fn user_manage_subscriptions(&self, caller: &Caller) -> Result<UserManageSubscriptionsOutput> {
        pass!(self, caller, line => line.client.user_manage_subscriptions(&line.caller),
            else Err(Error::not_available_here(NO_BILLING)))
    }

    async fn user_paddle_refresh(&self, caller: &Caller) -> Result<RefreshedPaddleUser> {
        let user = self.user_of(caller).await?.id;
        if self.is_of_cloud(&user).await? {
            self.paddle_at_cloud(&user).await?;
        }
        Ok(RefreshedPaddleUser { user: self.user_of(caller).await?, schema: None })
    }

    async fn user_has_feature_access(
        &self,
        caller: &Caller,
        input: HasFeatureAccessInput,
    ) -> Result<HasFeatureAccessOutput> {
        self.feature_access(caller, &input).await
    }

    async fn user_associate_entity(&self, _: &Caller, user: &str, entity: &str) -> Result<()> {
        self.associate(user, entity).await
    }

    async fn user_disassociate_entity(&self, _: &Caller, user: &str, entity: &str) -> Result<()> {
        self.disassociate(user, entity).await
    }

    async fn users_snapshot(&self, _: &Caller) -> Result<Users> {
        self.users().await
    }

    async fn users_specific_user_snapshot(&self, _: &Caller, user: &str) -> Result<UserProfile> {
        self.user(user).await
    }

    async fn users_disconnect_user(&self, caller: &Caller, user: &str) -> Result<Users> {
        self.disconnect(caller, user).await
    }

    async fn authenticate_from_oauth_token(&self, _: &Caller, token: OAuthToken) -> Result<UserProfile> {
        self.authenticate(token).await
    }

    async fn sign_into_os(&self, _: &Caller) -> Result<UserProfile> {
        self.sign_in().await
    }

    async fn sign_out_of_os(&self, caller: &Caller) -> Result<Users> {
        self.sign_out(caller).await
    }

    async fn sessions_snapshot(&self, caller: &Caller) -> Result<UserSessions> {
        self.witness_of_a_person(caller)?;
        pass!(self, caller, line => line.client.sessions_snapshot(&line.caller),
            else Err(Error::not_available_here(NO_CLOUD_ACCOUNT)))
    }

    async fn revoke_session(&self, caller: &Caller, session: &str) -> Result<UserSessions> {
        self.witness_of_a_person(caller)?;
        pass!(self, caller, line => line.client.revoke_session(&line.caller, session),
            else Err(Error::not_available_here(NO_CLOUD_ACCOUNT)))
    }

    async fn export_user(&self, caller: &Caller) -> Result<UserExport> {
        self.witness_of_a_person(caller)?;
        pass!(self, caller, line => line.client.export_user(&line.caller),
            else Err(Error::not_available_here(NO_CLOUD_ACCOUNT)))
    }

    async fn delete_user(&self, caller: &Caller) -> Result<Deletion> {
        self.witness_of_a_person(caller)?;
        pass!(self, caller, line => line.client.delete_user(&line.caller),
            else Err(Error::not_available_here(NO_CLOUD_ACCOUNT)))
    }

    async fn deletion_snapshot(&self, _: &Caller, receipt: &str) -> Result<Deletion> {
        if let Ok(client) = self.cloud_client() {
            // The receipt is the proof: nobody needs to be signed in.
            return client.deletion_snapshot(&Caller::default(), receipt).await;
        }
        Err(Error::not_available_here(NO_CLOUD_ACCOUNT))
    }

    async fn start_sign_in(&self, _: &Caller, request: SignInRequest) -> Result<SignIn> {
        self.begin_sign_in(request).await
    }

    async fn sign_in_snapshot(&self, _: &Caller, sign_in: &str) -> Result<SignIn> {
        Ok(self.sign_in_job(sign_in)?.state())
    }

    async fn stream_sign_in(&self, _: &Caller, sign_in: &str) -> Result<BoxStream<'static, SignIn>> {
        self.follow_sign_in(sign_in)
    }

    async fn paste_into_sign_in(
        &self,
        _: &Caller,
        sign_in: &str,
        redirect: SignInRedirect,
    ) -> Result<SignIn> {
        self.paste(sign_in, &redirect)
    }

    async fn cancel_sign_in(&self, _: &Caller, sign_in: &str) -> Result<SignIn> {
        self.end_sign_in(sign_in)
    }

    async fn get_challenge(&self, caller: &Caller) -> Result<PKCE> {
        self.begin_pkce(caller)
    }

    async fn generate_code(&self, _: &Caller, seed: SeededPKCE) -> Result<PKCE> {
        self.ask_for_code(seed).await
    }

    async fn respond_with_code(&self, _: &Caller, redirect: PKCERedirect) -> Result<PKCE> {
        self.take_code(redirect).await
    }

    async fn generate_token(&self, caller: &Caller, token: TokenizedPKCE) -> Result<PKCE> {
        self.exchange(caller, token).await
    }

    async fn clear_pkce(&self, caller: &Caller) -> Result<()> {
        self.opened()?;
        self.0.flows.clear(caller);
        Ok(())
    }

    async fn connect(&self, caller: &Caller, connection: SeededConnectorConnection) -> Result<Context> {
        self.connect_application(caller, connection).await
    }

    async fn applications_snapshot(&self, _: &Caller) -> Result<Applications> {
        self.applications().await
    }

    async fn revoke_application(&self, caller: &Caller, application: &str) -> Result<Applications> {
        self.set_revoked(caller, application, true).await
    }

    async fn restore_application(&self, caller: &Caller, application: &str) -> Result<Applications> {
        self.set_revoked(caller, application, false).await
    }

    async fn origins_snapshot(&self, caller: &Caller) -> Result<Origins> {
        self.witness_of_a_person(caller)?;
        self.origins().await
    }

    async fn decide_origin(&self, caller: &Caller, decision: OriginDecision) -> Result<Origin> {
        self.decide(caller, decision).await
    }

    async fn audit_snapshot(&self, caller: &Caller) -> Result<Audit> {
        self.audit(caller).await
    }

    async fn allocations_snapshot(&self, caller: &Caller) -> Result<Allocations> {
        pass!(self, caller, line => line.client.allocations_snapshot(&line.caller),
            else Ok(Allocations::default()))
    }

    async fn allocation_snapshot(&self, caller: &Caller, allocation: &str) -> Result<AllocationCloud> {
        let unknown = Error::not_found(format_args!("allocation `{allocation}`"));
        pass!(self, caller, line => line.client.allocation_snapshot(&line.caller, allocation),
            else Err(unknown))
    }

    async fn allocations_connect_new_cloud(&self, caller: &Caller) -> Result<AllocationCloud> {
        pass!(self, caller, line => line.client.allocations_connect_new_cloud(&line.caller),
            else Err(Error::new(Code::NotConnected, NO_CLOUD)))
    }

    async fn allocations_disconnect_cloud(&self, caller: &Caller) -> Result<String> {
        pass!(self, caller, line => line.client.allocations_disconnect_cloud(&line.caller),
            else Err(Error::new(Code::NotConnected, NO_CLOUD)))
    }

    async fn entities_snapshot(&self, caller: &Caller) -> Result<Entities> {
        self.entities(caller).await
    }

    async fn entities_specific_entity_snapshot(&self, caller: &Caller, entity: &str) -> Result<Entity> {
        self.entity(caller, entity).await
    }

    async fn entities_create_new_entity(&self, _: &Caller, _: SeededEntity) -> Result<Entity> {
        Err(Error::new(Code::NotAllowed, ENTITIES_ARE_FILES))
    }

    async fn entity_update(&self, _: &Caller, _: Entity) -> Result<Entity> {
        Err(Error::new(Code::NotAllowed, ENTITIES_ARE_FILES))
    }

    async fn entities_delete_specific_entity(&self, _: &Caller, _: &str) -> Result<()> {
        Err(Error::new(Code::NotAllowed, ENTITIES_ARE_FILES))
    }

    async fn subscriptions_snapshot(&self, caller: &Caller) -> Result<Subscriptions> {
        pass!(self, caller, line => line.client.subscriptions_snapshot(&line.caller),
            else Ok(Subscriptions::default()))
    }

    async fn subscriptions_specific_subscription_snapshot(
        &self,
        caller: &Caller,
        subscription: &str,
    ) -> Result<Subscription> {
        let unknown = Error::not_found(format_args!("subscription `{subscription}`"));
        pass!(self, caller,
            line => line.client.subscriptions_specific_subscription_snapshot(&line.caller, subscription),
            else Err(unknown))
    }

    async fn status(&self, _: &Caller) -> Result<Status> {
        let is_ready = self.opened().is_ok();
        let issuers: Vec<_> =
            self.0.issuers.iter().map(|issuer| self.about_issuer(&issuer.settings)).collect();
        let session = if is_ready { self.session_status().await? } else { None };
        let cloud = if is_ready { self.cloud_status().await? } else { None };
        let accounts = if is_ready { self.read(|tx| Ok(tx.accounts()?.len())).await? } else { 0 };
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").into(),
            os: self.about().os,
            ready: is_ready,
            signed_in: self.present().is_ok_and(|present| present.user.is_some()),
            accounts: i64::try_from(accounts).unwrap_or(i64::MAX),
            data_dir: Some(self.0.data_dir.display().to_string()),
            policies: self.0.policies.borrow().files.clone(),
            guard: None,
            token_store: (!issuers.is_empty()).then(|| self.0.vault.store.as_str().to_owned()),
            issuers: Some(issuers).filter(|issuers| !issuers.is_empty()),
            session,
            cloud,
            sign_in: self.last_sign_in(),
        })
    }

    fn about(&self) -> About {
        About { os: self.0.opened.get().map(|opened| opened.os.clone()), version: env!("CARGO_PKG_VERSION") }
    }
}
