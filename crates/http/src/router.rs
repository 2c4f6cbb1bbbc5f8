//! The table of contents: one line for each route, which is at once its place in the OpenAPI document.

use std::sync::Arc;

use axum::Router;
use usher_wire::UserApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::routes::*;
use crate::stream::Streams;
use crate::{docs, openapi, shim};

/// What handlers are given.
#[derive(Clone)]
pub(crate) struct App {
    /// The API that is served.
    pub(crate) api: Arc<dyn UserApi>,
    /// The streams that are open.
    pub(crate) streams: Streams,
}

/// Every route of the API.
pub(crate) fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(user::user_snapshot))
        .routes(routes!(user::clear_user))
        .routes(routes!(user::refresh_user))
        .routes(routes!(user::select_user))
        .routes(routes!(user::stream_user))
        .routes(routes!(user::update_user))
        .routes(routes!(user::user_beta_status))
        .routes(routes!(user::user_providers))
        .routes(routes!(user::user_update_vanity))
        .routes(routes!(user::user_access_token))
        .routes(routes!(user::stream_user_last_checked_in))
        .routes(routes!(billing::user_checkout))
        .routes(routes!(billing::user_manage_subscriptions))
        .routes(routes!(billing::user_paddle_refresh))
        .routes(routes!(billing::subscriptions_snapshot))
        .routes(routes!(billing::subscriptions_specific_subscription_snapshot))
        .routes(routes!(entities::user_has_feature_access))
        .routes(routes!(entities::user_associate_entity))
        .routes(routes!(entities::user_disassociate_entity))
        .routes(routes!(entities::entity_associate_user))
        .routes(routes!(entities::entity_disassociate_user))
        .routes(routes!(entities::entities_snapshot))
        .routes(routes!(entities::entities_create_new_entity))
        .routes(routes!(entities::entities_specific_entity_snapshot))
        .routes(routes!(entities::entity_update))
        .routes(routes!(entities::entities_delete_specific_entity))
        .routes(routes!(users::users_snapshot))
        .routes(routes!(users::users_specific_user_snapshot))
        .routes(routes!(users::users_disconnect_user))
        .routes(routes!(users::authenticate_from_oauth_token))
        .routes(routes!(users::sign_into_os))
        .routes(routes!(users::sign_out_of_os))
        .routes(routes!(allocations::allocations_snapshot))
        .routes(routes!(allocations::allocation_snapshot))
        .routes(routes!(allocations::allocations_connect_new_cloud))
        .routes(routes!(allocations::allocations_disconnect_cloud))
        .routes(routes!(applications::connect))
        .routes(routes!(applications::applications_snapshot))
        .routes(routes!(well_known::get_well_known_health))
        .routes(routes!(well_known::get_well_known_version))
        .routes(routes!(well_known::get_well_known_stream_health))
        .routes(routes!(well_known::status))
        .routes(routes!(shim::models_snapshot))
}

/// The API with what stands beside it: the document, its page, the streams that only exist for old clients.
pub(crate) fn router(app: App) -> Router {
    api().split_for_parts().0.merge(docs::router()).merge(shim::router()).with_state(app)
}
