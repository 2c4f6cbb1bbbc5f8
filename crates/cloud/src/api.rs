//! The operations of a cloud as a table. What takes more than a line stands in the file of its noun; what is a device's
//! business, or what this cloud has no service for, says so here.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use usher_issuer::IssuerSettings;
use usher_wire::{
    About, AllocationCloud, Allocations, Applications, Audit, Auth0User, Caller, Context, Deletion, Entities,
    Entity, Error, HasFeatureAccessInput, HasFeatureAccessOutput, OAuthToken, Origin, OriginDecision,
    Origins, PKCE, PKCERedirect, Present, ProfileUpdate, RefreshedPaddleUser, Result, ReturnedUserProfile,
    Secret, SeededConnectorConnection, SeededEntity, SeededPKCE, SignIn, SignInRedirect, SignInRequest,
    Status, Subscription, Subscriptions, TokenizedPKCE, UserApi, UserBetaStatus, UserCheckoutOutput,
    UserExport, UserLastCheckedInStreamOutput, UserManageSubscriptionsOutput, UserProfile, UserSessions,
    Users,
};

use crate::Cloud;
use crate::users::unknown_user;

const NO_NAMES: &str = "this cloud gives no names in DNS";
const NO_BILLING: &str = "this cloud has no billing service";
const A_DEVICE: &str =
    "this is a matter of a device: ask the daemon of the machine, which is at http://127.0.0.1:39300";

fn of_a_device<T>() -> Result<T> {
    Err(Error::not_available_here(A_DEVICE))
}

#[async_trait]
impl UserApi for Cloud {
    async fn user_snapshot(&self, caller: &Caller) -> Result<Arc<Present>> {
        self.snapshot(caller).await
    }

    async fn clear_user(&self, caller: &Caller) -> Result<()> {
        self.clear(caller).await
    }

    async fn refresh_user(&self, caller: &Caller) -> Result<UserProfile> {
        self.refresh(caller).await
    }

    async fn select_user(&self, caller: &Caller, user: Option<Auth0User>) -> Result<UserProfile> {
        self.select(caller, user).await
    }

    async fn stream_user(&self, caller: &Caller) -> Result<BoxStream<'static, Arc<Present>>> {
        self.states(caller).await
    }

    async fn update_user(&self, caller: &Caller, edit: ProfileUpdate) -> Result<UserProfile> {
        self.update(caller, edit).await
    }

    async fn user_beta_status(&self, caller: &Caller, status: UserBetaStatus) -> Result<UserBetaStatus> {
        self.beta_status(caller, status).await
    }

    async fn user_providers(&self, caller: &Caller) -> Result<ReturnedUserProfile> {
        Ok(ReturnedUserProfile { user: Some(self.profile(caller).await?), schema: None })
    }

    async fn user_update_vanity(&self, caller: &Caller, _: ProfileUpdate) -> Result<UserProfile> {
        self.visit(caller).await?;
        Err(Error::not_available_here(NO_NAMES))
    }

    async fn user_access_token(&self, caller: &Caller) -> Result<Secret> {
        self.visit(caller).await?;
        caller.bearer.clone().ok_or_else(Error::not_signed_in)
    }

    async fn stream_user_last_checked_in(
        &self,
        caller: &Caller,
    ) -> Result<BoxStream<'static, UserLastCheckedInStreamOutput>> {
        self.check_ins(caller).await
    }

    async fn user_checkout(&self, caller: &Caller) -> Result<UserCheckoutOutput> {
        self.visit(caller).await?;
        Err(Error::not_available_here(NO_BILLING))
    }

    async fn user_manage_subscriptions(&self, caller: &Caller) -> Result<UserManageSubscriptionsOutput> {
        self.visit(caller).await?;
        Err(Error::not_available_here(NO_BILLING))
    }

    async fn user_paddle_refresh(&self, caller: &Caller) -> Result<RefreshedPaddleUser> {
        Ok(RefreshedPaddleUser { user: self.profile(caller).await?, schema: None })
    }

    async fn user_has_feature_access(
        &self,
        caller: &Caller,
        input: HasFeatureAccessInput,
    ) -> Result<HasFeatureAccessOutput> {
        self.feature_access(caller, &input).await
    }

    async fn user_associate_entity(&self, caller: &Caller, user: &str, entity: &str) -> Result<()> {
        self.associate(caller, user, entity).await
    }

    async fn user_disassociate_entity(&self, caller: &Caller, user: &str, entity: &str) -> Result<()> {
        self.disassociate(caller, user, entity).await
    }

    async fn users_snapshot(&self, caller: &Caller) -> Result<Users> {
        Ok(Users { iterable: vec![self.profile(caller).await?], ..Users::default() })
    }

    async fn users_specific_user_snapshot(&self, caller: &Caller, user: &str) -> Result<UserProfile> {
        let profile = self.profile(caller).await?;
        if profile.id == user { Ok(profile) } else { Err(unknown_user(user)) }
    }

    async fn users_disconnect_user(&self, caller: &Caller, _: &str) -> Result<Users> {
        self.visit(caller).await?;
        of_a_device()
    }

    async fn authenticate_from_oauth_token(&self, caller: &Caller, token: OAuthToken) -> Result<UserProfile> {
        self.profile(&Caller { bearer: Some(token.access_token), ..caller.clone() }).await
    }

    async fn sign_into_os(&self, _: &Caller) -> Result<UserProfile> {
        of_a_device()
    }

    async fn sign_out_of_os(&self, caller: &Caller) -> Result<Users> {
        self.clear(caller).await?;
        Ok(Users::default())
    }

    async fn sessions_snapshot(&self, caller: &Caller) -> Result<UserSessions> {
        self.sessions(caller).await
    }

    async fn revoke_session(&self, caller: &Caller, session: &str) -> Result<UserSessions> {
        self.revoke(caller, session).await
    }

    async fn export_user(&self, caller: &Caller) -> Result<UserExport> {
        self.export(caller).await
    }

    async fn delete_user(&self, caller: &Caller) -> Result<Deletion> {
        self.delete(caller).await
    }

    async fn deletion_snapshot(&self, _: &Caller, receipt: &str) -> Result<Deletion> {
        self.receipt(receipt).await
    }

    async fn start_sign_in(&self, _: &Caller, _: SignInRequest) -> Result<SignIn> {
        of_a_device()
    }

    async fn sign_in_snapshot(&self, _: &Caller, _: &str) -> Result<SignIn> {
        of_a_device()
    }

    async fn stream_sign_in(&self, _: &Caller, _: &str) -> Result<BoxStream<'static, SignIn>> {
        of_a_device()
    }

    async fn paste_into_sign_in(&self, _: &Caller, _: &str, _: SignInRedirect) -> Result<SignIn> {
        of_a_device()
    }

    async fn cancel_sign_in(&self, _: &Caller, _: &str) -> Result<SignIn> {
        of_a_device()
    }

    async fn get_challenge(&self, _: &Caller) -> Result<PKCE> {
        of_a_device()
    }

    async fn generate_code(&self, _: &Caller, _: SeededPKCE) -> Result<PKCE> {
        of_a_device()
    }

    async fn respond_with_code(&self, _: &Caller, _: PKCERedirect) -> Result<PKCE> {
        of_a_device()
    }

    async fn generate_token(&self, _: &Caller, _: TokenizedPKCE) -> Result<PKCE> {
        of_a_device()
    }

    async fn clear_pkce(&self, _: &Caller) -> Result<()> {
        of_a_device()
    }

    async fn connect(&self, _: &Caller, _: SeededConnectorConnection) -> Result<Context> {
        of_a_device()
    }

    async fn applications_snapshot(&self, _: &Caller) -> Result<Applications> {
        of_a_device()
    }

    async fn revoke_application(&self, _: &Caller, _: &str) -> Result<Applications> {
        of_a_device()
    }

    async fn restore_application(&self, _: &Caller, _: &str) -> Result<Applications> {
        of_a_device()
    }

    async fn origins_snapshot(&self, _: &Caller) -> Result<Origins> {
        of_a_device()
    }

    async fn decide_origin(&self, _: &Caller, _: OriginDecision) -> Result<Origin> {
        of_a_device()
    }

    async fn audit_snapshot(&self, caller: &Caller) -> Result<Audit> {
        let id = self.visit(caller).await?.id;
        Ok(Audit { iterable: self.read(move |tx| tx.audit_of(&id)).await? })
    }

    async fn allocations_snapshot(&self, caller: &Caller) -> Result<Allocations> {
        self.visit(caller).await?;
        Ok(Allocations::default())
    }

    async fn allocation_snapshot(&self, caller: &Caller, allocation: &str) -> Result<AllocationCloud> {
        self.visit(caller).await?;
        Err(Error::not_found(format_args!("allocation `{allocation}`")))
    }

    async fn allocations_connect_new_cloud(&self, caller: &Caller) -> Result<AllocationCloud> {
        self.visit(caller).await?;
        Err(Error::not_available_here(NO_NAMES))
    }

    async fn allocations_disconnect_cloud(&self, caller: &Caller) -> Result<String> {
        self.visit(caller).await?;
        Err(Error::not_available_here(NO_NAMES))
    }

    async fn entities_snapshot(&self, caller: &Caller) -> Result<Entities> {
        self.entities(caller).await
    }

    async fn entities_specific_entity_snapshot(&self, caller: &Caller, entity: &str) -> Result<Entity> {
        self.entity(caller, entity).await
    }

    async fn entities_create_new_entity(&self, caller: &Caller, entity: SeededEntity) -> Result<Entity> {
        self.create_entity(caller, entity).await
    }

    async fn entity_update(&self, caller: &Caller, entity: Entity) -> Result<Entity> {
        self.update_entity(caller, entity).await
    }

    async fn entities_delete_specific_entity(&self, caller: &Caller, entity: &str) -> Result<()> {
        self.delete_entity(caller, entity).await
    }

    async fn subscriptions_snapshot(&self, caller: &Caller) -> Result<Subscriptions> {
        self.visit(caller).await?;
        Ok(Subscriptions::default())
    }

    async fn subscriptions_specific_subscription_snapshot(
        &self,
        caller: &Caller,
        subscription: &str,
    ) -> Result<Subscription> {
        self.visit(caller).await?;
        Err(Error::not_found(format_args!("subscription `{subscription}`")))
    }

    async fn status(&self, _: &Caller) -> Result<Status> {
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").into(),
            os: self.about().os,
            ready: self.ready().await.is_ok(),
            signed_in: false,
            accounts: 0,
            data_dir: None,
            policies: Vec::new(),
            guard: None,
            issuers: Some(self.0.settings.issuers.iter().map(IssuerSettings::about).collect()),
            session: None,
            cloud: None,
            sign_in: None,
            token_store: None,
        })
    }

    fn about(&self) -> About {
        let is_open = self.0.database.get().is_some();
        About { os: is_open.then(|| self.0.node.clone()), version: env!("CARGO_PKG_VERSION") }
    }
}
