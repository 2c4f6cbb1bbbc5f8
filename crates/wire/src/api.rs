//! The API as a trait: one method per operation, over the wire types. `Client`, `Device` and a cloud implement it, and
//! the HTTP face serves whichever it is given.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::{
    AllocationCloud, Allocations, Applications, Audit, Auth0User, Context, Deletion, Entities, Entity,
    HasFeatureAccessInput, HasFeatureAccessOutput, OAuthToken, Origin, OriginDecision, Origins, PKCE,
    PKCERedirect, Page, Present, ProfileUpdate, RefreshedPaddleUser, Result, ReturnedUserProfile, Secret,
    SeededConnectorConnection, SeededEntity, SeededPKCE, SignIn, SignInRedirect, SignInRequest, Status,
    Subscription, Subscriptions, TokenizedPKCE, UserBetaStatus, UserCheckoutOutput, UserExport,
    UserLastCheckedInStreamOutput, UserManageSubscriptionsOutput, UserProfile, UserSessions, Users, Version,
};

/// The version of Pieces OS whose API this one is, told to clients that check it; they accept 12.x.
pub const PIECES_OS_VERSION: &str = "12.9.9";

/// Who asks: what a request says about its sender.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The application id of `application` or `X-Application-ID`.
    pub application: Option<String>,
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<Secret>,
    /// What the program that sends it calls itself (`User-Agent`).
    pub agent: Option<String>,
    /// What tells a device from others of the same person, where its tokens do not (`Usher-Session`).
    pub session: Option<String>,
    /// The state the caller saw last (`If-Match`).
    pub seen: Option<Version>,
    /// What makes a write happen once, however often it is sent (`Idempotency-Key`).
    pub idempotency_key: Option<String>,
    /// The account of the device this caller is bound to (`Usher-Account`), by id, e-mail or user name; absent: whoever
    /// is current.
    pub account: Option<String>,
    /// The foreign web page that asks; absent for programs and for the service's own page.
    pub page: Option<Page>,
}

/// What health and version checks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Uuid of this installation; `None` while it is starting.
    pub os: Option<String>,
    /// The real version of the software.
    pub version: &'static str,
}

/// Every operation. Each write is durable before it is answered; an error means that nothing changed.
#[async_trait]
pub trait UserApi: Send + Sync + 'static {
    /// Who is current (`GET /user`). Never touches disk or network.
    async fn user_snapshot(&self, caller: &Caller) -> Result<Arc<Present>>;
    /// Nobody is current any more (`POST /user/clear`). Idempotent; accounts stay.
    async fn clear_user(&self, caller: &Caller) -> Result<()>;
    /// Reads the user again from where he comes from (`GET /user/refresh`).
    async fn refresh_user(&self, caller: &Caller) -> Result<UserProfile>;
    /// Makes an account current (`POST /user/select`); no body: the one that was current last.
    async fn select_user(&self, caller: &Caller, user: Option<Auth0User>) -> Result<UserProfile>;
    /// Present state first, then one item per change, the newest only (`/user/stream`).
    async fn stream_user(&self, caller: &Caller) -> Result<BoxStream<'static, Arc<Present>>>;
    /// Merges an edit into the stored profile (`POST /user/update`).
    async fn update_user(&self, caller: &Caller, edit: ProfileUpdate) -> Result<UserProfile>;
    /// Opts in to or out of a beta (`POST /user/beta/status`).
    async fn user_beta_status(&self, caller: &Caller, status: UserBetaStatus) -> Result<UserBetaStatus>;
    /// The linked providers with their tokens (`GET /user/providers`).
    async fn user_providers(&self, caller: &Caller) -> Result<ReturnedUserProfile>;
    /// Claims a name in DNS (`POST /user/update/vanity`).
    async fn user_update_vanity(&self, caller: &Caller, edit: ProfileUpdate) -> Result<UserProfile>;
    /// A fresh access token of the current user (`GET /user/access_token`).
    async fn user_access_token(&self, caller: &Caller) -> Result<Secret>;
    /// When the user was last in step with the cloud (`/user/last_checked_in/stream`).
    async fn stream_user_last_checked_in(
        &self,
        caller: &Caller,
    ) -> Result<BoxStream<'static, UserLastCheckedInStreamOutput>>;
    /// Starts a purchase (`POST /user/checkout`).
    async fn user_checkout(&self, caller: &Caller) -> Result<UserCheckoutOutput>;
    /// Opens the customer portal (`POST /user/manage/subscriptions`).
    async fn user_manage_subscriptions(&self, caller: &Caller) -> Result<UserManageSubscriptionsOutput>;
    /// Fetches the newest payment data (`GET /user/paddle/refresh`).
    async fn user_paddle_refresh(&self, caller: &Caller) -> Result<RefreshedPaddleUser>;
    /// Whether policy allows a feature (`POST /user/has_feature_access`).
    async fn user_has_feature_access(
        &self,
        caller: &Caller,
        input: HasFeatureAccessInput,
    ) -> Result<HasFeatureAccessOutput>;
    /// Makes the user a member of the entity (`POST /user/{user}/entities/associate/{entity}`). Idempotent.
    async fn user_associate_entity(&self, caller: &Caller, user: &str, entity: &str) -> Result<()>;
    /// Ends a membership (`POST /user/{user}/entities/disassociate/{entity}`). Idempotent.
    async fn user_disassociate_entity(&self, caller: &Caller, user: &str, entity: &str) -> Result<()>;

    /// The accounts known here (`GET /users`).
    async fn users_snapshot(&self, caller: &Caller) -> Result<Users>;
    /// One of them (`GET /users/{user}`).
    async fn users_specific_user_snapshot(&self, caller: &Caller, user: &str) -> Result<UserProfile>;
    /// Removes an account from this device and lists the rest (`POST /users/{user}/disconnect`).
    async fn users_disconnect_user(&self, caller: &Caller, user: &str) -> Result<Users>;
    /// Adds an account from a provider's token (`POST /users/authenticate/from_token`).
    async fn authenticate_from_oauth_token(&self, caller: &Caller, token: OAuthToken) -> Result<UserProfile>;
    /// Starts or joins the one running sign-in and waits for its end (`POST /os/sign_in`).
    async fn sign_into_os(&self, caller: &Caller) -> Result<UserProfile>;
    /// Ends the current account's session and lists the accounts that remain (`POST /os/sign_out`).
    async fn sign_out_of_os(&self, caller: &Caller) -> Result<Users>;

    /// The devices and programs that came with tokens of the user (`GET /sessions`, additive).
    async fn sessions_snapshot(&self, caller: &Caller) -> Result<UserSessions>;
    /// Ends one of them for good and lists all (`POST /sessions/{session}/revoke`, additive). Idempotent.
    async fn revoke_session(&self, caller: &Caller, session: &str) -> Result<UserSessions>;
    /// Everything that is kept of the user (`GET /user/export`, additive).
    async fn export_user(&self, caller: &Caller) -> Result<UserExport>;
    /// Deletes the account after a time in which signing in takes it back (`POST /user/delete`, additive). Idempotent.
    async fn delete_user(&self, caller: &Caller) -> Result<Deletion>;
    /// What became of a request to delete (`GET /user/delete/{receipt}`, additive). Whoever has the receipt may ask.
    async fn deletion_snapshot(&self, caller: &Caller, receipt: &str) -> Result<Deletion>;

    /// Starts a sign-in with an identity provider, or joins the running one (`POST /sign-in`, additive).
    async fn start_sign_in(&self, caller: &Caller, request: SignInRequest) -> Result<SignIn>;
    /// Where a sign-in stands (`GET /sign-in/{sign_in}`).
    async fn sign_in_snapshot(&self, caller: &Caller, sign_in: &str) -> Result<SignIn>;
    /// The present state first, then each change, until its end (`/sign-in/{sign_in}/stream`).
    async fn stream_sign_in(&self, caller: &Caller, sign_in: &str) -> Result<BoxStream<'static, SignIn>>;
    /// Goes on with the address the provider sent the browser to (`POST /sign-in/{sign_in}/paste`).
    async fn paste_into_sign_in(
        &self,
        caller: &Caller,
        sign_in: &str,
        redirect: SignInRedirect,
    ) -> Result<SignIn>;
    /// Ends a sign-in (`POST /sign-in/{sign_in}/cancel`, `DELETE /sign-in/{sign_in}`). Idempotent; one that has ended stays as it ended.
    async fn cancel_sign_in(&self, caller: &Caller, sign_in: &str) -> Result<SignIn>;

    /// Begins a code flow that a tool runs by itself (`GET /pkce/challenge`).
    async fn get_challenge(&self, caller: &Caller) -> Result<PKCE>;
    /// Where the person signs in, and the code once it has come back (`POST /pkce/code`). Safe to repeat.
    async fn generate_code(&self, caller: &Caller, seed: SeededPKCE) -> Result<PKCE>;
    /// Takes the code the provider sent back (`POST /pkce/response/code`), once.
    async fn respond_with_code(&self, caller: &Caller, redirect: PKCERedirect) -> Result<PKCE>;
    /// Exchanges the code for tokens (`POST /pkce/token`), which ends the flow.
    async fn generate_token(&self, caller: &Caller, token: TokenizedPKCE) -> Result<PKCE>;
    /// Forgets the flows of the caller's application (`POST /pkce/clear`). Idempotent.
    async fn clear_pkce(&self, caller: &Caller) -> Result<()>;

    /// Registers an application (`POST /connect`); the same one always gets the same id.
    async fn connect(&self, caller: &Caller, connection: SeededConnectorConnection) -> Result<Context>;
    /// The registered applications (`GET /applications`).
    async fn applications_snapshot(&self, caller: &Caller) -> Result<Applications>;
    /// Keeps an application from reading tokens and lists all (`POST /applications/{application}/revoke`, additive).
    /// Idempotent; it stays so when the application connects again.
    async fn revoke_application(&self, caller: &Caller, application: &str) -> Result<Applications>;
    /// Takes that back (`POST /applications/{application}/restore`, additive). Idempotent.
    async fn restore_application(&self, caller: &Caller, application: &str) -> Result<Applications>;

    /// The origins that ask to call and those that were decided on (`GET /origins`, additive).
    async fn origins_snapshot(&self, caller: &Caller) -> Result<Origins>;
    /// Lets pages of an origin call, or keeps them out (`POST /origins`, additive).
    async fn decide_origin(&self, caller: &Caller, decision: OriginDecision) -> Result<Origin>;
    /// Who did what, the latest first (`GET /audit`, additive).
    async fn audit_snapshot(&self, caller: &Caller) -> Result<Audit>;

    /// The user's clouds (`GET /allocations`).
    async fn allocations_snapshot(&self, caller: &Caller) -> Result<Allocations>;
    /// One of them (`GET /allocation/{allocation}`).
    async fn allocation_snapshot(&self, caller: &Caller, allocation: &str) -> Result<AllocationCloud>;
    /// Connects the user's cloud (`POST /allocations/connect`). Idempotent.
    async fn allocations_connect_new_cloud(&self, caller: &Caller) -> Result<AllocationCloud>;
    /// Disconnects it and answers its uuid (`POST /allocations/disconnect`).
    async fn allocations_disconnect_cloud(&self, caller: &Caller) -> Result<String>;

    /// The organisations and teams the user belongs to (`GET /entities`).
    async fn entities_snapshot(&self, caller: &Caller) -> Result<Entities>;
    /// One of them (`GET /entity/{entity}`).
    async fn entities_specific_entity_snapshot(&self, caller: &Caller, entity: &str) -> Result<Entity>;
    /// Makes one; its maker becomes its admin (`POST /entities/create`).
    async fn entities_create_new_entity(&self, caller: &Caller, entity: SeededEntity) -> Result<Entity>;
    /// Changes one (`POST /entity/update`).
    async fn entity_update(&self, caller: &Caller, entity: Entity) -> Result<Entity>;
    /// Deletes one (`POST /entities/{entity}/delete`).
    async fn entities_delete_specific_entity(&self, caller: &Caller, entity: &str) -> Result<()>;
    /// The user's subscriptions (`GET /subscriptions`).
    async fn subscriptions_snapshot(&self, caller: &Caller) -> Result<Subscriptions>;
    /// One of them (`GET /subscription/{subscription}`).
    async fn subscriptions_specific_subscription_snapshot(
        &self,
        caller: &Caller,
        subscription: &str,
    ) -> Result<Subscription>;

    /// How this installation is doing (`GET /status`, additive).
    async fn status(&self, caller: &Caller) -> Result<Status>;
    /// What health and version checks say; answers from the first moment on.
    fn about(&self) -> About;
}
