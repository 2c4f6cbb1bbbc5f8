//! The daemon's own parts, changed in one point: a write begins when the one before it is answered. So each has a commit
//! of its own, and what grouping gains is the distance to the daemon.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use tokio::sync::Mutex;
use usher_device::Device;
use usher_domain::ambient::Ambient;
use usher_http::{Guard, Limits, Mode, Peers, Server};
use usher_wire::*;

/// A device that writes one edit at a time.
struct OneAtATime {
    device: Device,
    writing: Mutex<()>,
}

/// Serves the device in `data_dir` until killed.
pub(super) async fn serve(data_dir: &Path) -> Result<()> {
    let device = Device::new(data_dir, Ambient::of_this_machine());
    let api = Arc::new(OneAtATime { device: device.clone(), writing: Mutex::new(()) });
    let server = Server::new(api, 0, Limits::default(), Peers::new(&[]), None);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    server.listen(listener, Guard::new(port, &[], Arc::new(device.clone()), Mode::Strict));
    device.open().await?;
    super::announce(port)?;
    device.watch_policies().await;
    Ok(())
}

/// Passes every operation but `update_user` on.
macro_rules! pass_on {
    ($($operation:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl UserApi for OneAtATime {
            async fn update_user(&self, caller: &Caller, edit: ProfileUpdate) -> usher_wire::Result<UserProfile> {
                let _alone = self.writing.lock().await;
                self.device.update_user(caller, edit).await
            }

            $(async fn $operation(&self, caller: &Caller $(, $argument: $kind)*) -> usher_wire::Result<$answer> {
                self.device.$operation(caller $(, $argument)*).await
            })*

            fn about(&self) -> About {
                self.device.about()
            }
        }
    };
}

pass_on! {
    user_snapshot() -> Arc<Present>;
    clear_user() -> ();
    refresh_user() -> UserProfile;
    select_user(user: Option<Auth0User>) -> UserProfile;
    stream_user() -> BoxStream<'static, Arc<Present>>;
    user_beta_status(status: UserBetaStatus) -> UserBetaStatus;
    user_providers() -> ReturnedUserProfile;
    user_update_vanity(edit: ProfileUpdate) -> UserProfile;
    user_access_token() -> Secret;
    stream_user_last_checked_in() -> BoxStream<'static, UserLastCheckedInStreamOutput>;
    user_checkout() -> UserCheckoutOutput;
    user_manage_subscriptions() -> UserManageSubscriptionsOutput;
    user_paddle_refresh() -> RefreshedPaddleUser;
    user_has_feature_access(input: HasFeatureAccessInput) -> HasFeatureAccessOutput;
    user_associate_entity(user: &str, entity: &str) -> ();
    user_disassociate_entity(user: &str, entity: &str) -> ();
    users_snapshot() -> Users;
    users_specific_user_snapshot(user: &str) -> UserProfile;
    users_disconnect_user(user: &str) -> Users;
    authenticate_from_oauth_token(token: OAuthToken) -> UserProfile;
    sign_into_os() -> UserProfile;
    sign_out_of_os() -> Users;
    start_sign_in(request: SignInRequest) -> SignIn;
    sign_in_snapshot(sign_in: &str) -> SignIn;
    stream_sign_in(sign_in: &str) -> BoxStream<'static, SignIn>;
    paste_into_sign_in(sign_in: &str, redirect: SignInRedirect) -> SignIn;
    cancel_sign_in(sign_in: &str) -> SignIn;
    get_challenge() -> PKCE;
    generate_code(seed: SeededPKCE) -> PKCE;
    respond_with_code(redirect: PKCERedirect) -> PKCE;
    generate_token(token: TokenizedPKCE) -> PKCE;
    clear_pkce() -> ();
    connect(connection: SeededConnectorConnection) -> Context;
    applications_snapshot() -> Applications;
    revoke_application(application: &str) -> Applications;
    restore_application(application: &str) -> Applications;
    origins_snapshot() -> Origins;
    decide_origin(decision: OriginDecision) -> Origin;
    audit_snapshot() -> Audit;
    sessions_snapshot() -> UserSessions;
    revoke_session(session: &str) -> UserSessions;
    export_user() -> UserExport;
    delete_user() -> Deletion;
    deletion_snapshot(receipt: &str) -> Deletion;
    allocations_snapshot() -> Allocations;
    allocation_snapshot(allocation: &str) -> AllocationCloud;
    allocations_connect_new_cloud() -> AllocationCloud;
    allocations_disconnect_cloud() -> String;
    entities_snapshot() -> Entities;
    entities_specific_entity_snapshot(entity: &str) -> Entity;
    entities_create_new_entity(entity: SeededEntity) -> Entity;
    entity_update(entity: Entity) -> Entity;
    entities_delete_specific_entity(entity: &str) -> ();
    subscriptions_snapshot() -> Subscriptions;
    subscriptions_specific_subscription_snapshot(subscription: &str) -> Subscription;
    status() -> Status;
}
