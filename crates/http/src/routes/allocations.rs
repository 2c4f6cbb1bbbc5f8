//! The user's cloud connection.

use axum::extract::{Path, State};
use usher_wire::{AllocationCloud, Allocations, ProfileUpdate};

use super::{Answer, ok, text};
use crate::body::MaybeJson;
use crate::caller::From;
use crate::router::App;

/// The user's clouds.
#[utoipa::path(get, path = "/allocations", tag = "allocations", operation_id = "allocations_snapshot",
    responses((status = 200, description = "all of them", body = Allocations),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain")))]
pub(crate) async fn allocations_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.allocations_snapshot(&caller).await?)
}

/// One cloud.
#[utoipa::path(get, path = "/allocation/{allocation}", tag = "allocations", operation_id = "allocation_snapshot",
    params(("allocation" = String, Path, description = "id of the cloud")),
    responses((status = 200, description = "the cloud", body = AllocationCloud),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 404, description = "no such cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn allocation_snapshot(
    State(app): State<App>,
    From(caller): From,
    Path(allocation): Path<String>,
) -> Answer {
    ok(app.api.allocation_snapshot(&caller, &allocation).await?)
}

/// Connects the user's cloud. The body, a profile, is not needed.
#[utoipa::path(post, path = "/allocations/connect", tag = "allocations", operation_id = "allocations_connect_new_cloud",
    request_body = Option<ProfileUpdate>,
    responses((status = 200, description = "the cloud and its state", body = AllocationCloud),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 511, description = "this device has no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn allocations_connect_new_cloud(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(_): MaybeJson<ProfileUpdate>,
) -> Answer {
    ok(app.api.allocations_connect_new_cloud(&caller).await?)
}

/// Disconnects the user's cloud until it is asked for again. The body, an allocation, is not needed.
#[utoipa::path(post, path = "/allocations/disconnect", tag = "allocations", operation_id = "allocations_disconnect_cloud",
    request_body = Option<AllocationCloud>,
    responses((status = 200, description = "uuid of the cloud", body = String, content_type = "text/plain"),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 511, description = "this device has no cloud", body = String, content_type = "text/plain")))]
pub(crate) async fn allocations_disconnect_cloud(
    State(app): State<App>,
    From(caller): From,
    MaybeJson(_): MaybeJson<AllocationCloud>,
) -> Answer {
    text(app.api.allocations_disconnect_cloud(&caller).await?)
}
