//! Plans: checkout, the customer portal, subscriptions.

use axum::extract::{Path, State};
use usher_wire::{
    RefreshedPaddleUser, Subscription, Subscriptions, UserCheckoutInput, UserCheckoutOutput,
    UserManageSubscriptionsInput, UserManageSubscriptionsOutput,
};

use super::{Answer, ok};
use crate::body::MaybeJson;
use crate::caller::From;
use crate::router::App;

/// Starts a purchase and opens its page in the browser.
#[utoipa::path(post, path = "/user/checkout", tag = "billing", operation_id = "user_checkout",
    request_body = Option<UserCheckoutInput>,
    responses((status = 200, description = "the user, and the page", body = UserCheckoutOutput),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 501, description = "there is no billing service", body = String, content_type = "text/plain")))]
pub(crate) async fn user_checkout(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(_): MaybeJson<UserCheckoutInput>,
) -> Answer {
    ok(app.api.user_checkout(&caller).await?)
}

/// Opens the customer portal, where subscriptions are changed.
#[utoipa::path(post, path = "/user/manage/subscriptions", tag = "billing", operation_id = "user_manage_subscriptions",
    request_body = Option<UserManageSubscriptionsInput>,
    responses((status = 200, description = "the user, and the page", body = UserManageSubscriptionsOutput),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 501, description = "there is no billing service", body = String, content_type = "text/plain")))]
pub(crate) async fn user_manage_subscriptions(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(_): MaybeJson<UserManageSubscriptionsInput>,
) -> Answer {
    ok(app.api.user_manage_subscriptions(&caller).await?)
}

/// Fetches the newest payment data. Safe to repeat.
#[utoipa::path(get, path = "/user/paddle/refresh", tag = "billing", operation_id = "user_paddle_refresh",
    responses((status = 200, description = "the user with his subscriptions", body = RefreshedPaddleUser),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain")))]
pub(crate) async fn user_paddle_refresh(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.user_paddle_refresh(&caller).await?)
}

/// The user's subscriptions.
#[utoipa::path(get, path = "/subscriptions", tag = "billing", operation_id = "subscriptions_snapshot",
    responses((status = 200, description = "all of them", body = Subscriptions),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain")))]
pub(crate) async fn subscriptions_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.subscriptions_snapshot(&caller).await?)
}

/// One subscription.
#[utoipa::path(get, path = "/subscription/{subscription}", tag = "billing",
    operation_id = "subscriptions_specific_subscription_snapshot",
    params(("subscription" = String, Path, description = "id of the subscription")),
    responses((status = 200, description = "the subscription", body = Subscription),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 404, description = "no such subscription", body = String, content_type = "text/plain")))]
pub(crate) async fn subscriptions_specific_subscription_snapshot(
    State(app): State<App>,
    From(caller): From,
    Path(subscription): Path<String>,
) -> Answer {
    ok(app.api.subscriptions_specific_subscription_snapshot(&caller, &subscription).await?)
}
