//! The table of contents: one line for each route, which is at once its place in the OpenAPI document.

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;
use usher_wire::{GuardStatus, UserApi};
use utoipa::Path;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::{PathItemExt, paste, routes};

use crate::page::{self, Notices};
use crate::routes::*;
use crate::stream::Streams;
use crate::{callback, docs, openapi, shim, watch};

/// What handlers are given.
#[derive(Clone)]
pub(crate) struct App {
    /// The API that is served.
    pub(crate) api: Arc<dyn UserApi>,
    /// The streams that are open.
    pub(crate) streams: Streams,
    /// How callers are checked before they come here.
    pub(crate) guard: Option<Arc<GuardStatus>>,
    /// What the page `/` still has to tell.
    pub(crate) notices: Arc<Notices>,
}

/// Makes both from one table: the routes that serve, and the same with their documentation. Describing every model costs
/// more than the rest of a start, so it is left to who asks for the document.
macro_rules! table {
    ($($room:ident::$handler:ident,)*) => {
        /// Every route of the API, documented.
        pub(crate) fn documented() -> OpenApiRouter<App> {
            OpenApiRouter::with_openapi(openapi::head())$(.routes(routes!($room::$handler)))*
        }

        fn api() -> Router<App> {
            Router::new()$(.route(
                &paste! { $room::[<__path_ $handler>]::path() },
                paste! { $room::[<__path_ $handler>]::methods() }
                    .iter()
                    .fold(MethodRouter::new(), |router, method| router.on(method.to_method_filter(), $room::$handler)),
            ))*
        }
    };
}

table! {
    user::user_snapshot,
    user::clear_user,
    user::refresh_user,
    user::select_user,
    user::stream_user,
    user::update_user,
    user::user_beta_status,
    user::user_providers,
    user::user_update_vanity,
    user::user_access_token,
    user::stream_user_last_checked_in,
    billing::user_checkout,
    billing::user_manage_subscriptions,
    billing::user_paddle_refresh,
    billing::subscriptions_snapshot,
    billing::subscriptions_specific_subscription_snapshot,
    entities::user_has_feature_access,
    entities::user_associate_entity,
    entities::user_disassociate_entity,
    entities::entity_associate_user,
    entities::entity_disassociate_user,
    entities::entities_snapshot,
    entities::entities_create_new_entity,
    entities::entities_specific_entity_snapshot,
    entities::entity_update,
    entities::entities_delete_specific_entity,
    users::users_snapshot,
    users::users_specific_user_snapshot,
    users::users_disconnect_user,
    users::authenticate_from_oauth_token,
    users::sign_into_os,
    users::sign_out_of_os,
    account::sessions_snapshot,
    account::revoke_session,
    account::export_user,
    account::delete_user,
    account::deletion_snapshot,
    sign_in::start_sign_in,
    sign_in::sign_in_snapshot,
    sign_in::stream_sign_in,
    sign_in::paste_into_sign_in,
    sign_in::cancel_sign_in,
    sign_in::delete_sign_in,
    pkce::get_challenge,
    pkce::generate_code,
    pkce::respond_with_code,
    pkce::generate_token,
    pkce::clear_pkce,
    allocations::allocations_snapshot,
    allocations::allocation_snapshot,
    allocations::allocations_connect_new_cloud,
    allocations::allocations_disconnect_cloud,
    applications::connect,
    applications::applications_snapshot,
    applications::revoke_application,
    applications::restore_application,
    trust::origins_snapshot,
    trust::decide_origin,
    trust::audit_snapshot,
    well_known::get_well_known_health,
    well_known::get_well_known_version,
    well_known::get_well_known_stream_health,
    well_known::status,
    shim::models_snapshot,
}

/// The API on the network, with its document.
pub(crate) fn network_router(app: App) -> Router {
    let named = axum::middleware::from_fn(watch::name_route);
    api().merge(docs::router()).route_layer(named).with_state(app)
}

/// The API with what stands beside it: the person's page, the page a sign-in ends on, the document, its page, the streams
/// that only exist for old clients.
pub(crate) fn router(app: App) -> Router {
    api()
        .merge(page::router())
        .merge(callback::router())
        .merge(docs::router())
        .merge(shim::router())
        .with_state(app)
}
