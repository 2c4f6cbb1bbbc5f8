//! Organisations and teams: membership, reading, and what their policies allow.

use axum::extract::{Path, State};
use usher_wire::{
    Entities, Entity, EntityAssociateToUserInput, Error, HasFeatureAccessBadRequestError,
    HasFeatureAccessInput, HasFeatureAccessOutput, HasFeatureAccessUnprocessableEntityError, SeededEntity,
};

use super::{Answer, done, ok};
use crate::body::{Json, MaybeJson, NoBody};
use crate::caller::From;
use crate::error::Failure;
use crate::router::App;

/// Whether policy allows a feature, or this model, source, website or processing under it, and why not.
#[utoipa::path(post, path = "/user/has_feature_access", tag = "entities", operation_id = "user_has_feature_access",
    request_body = HasFeatureAccessInput,
    responses((status = 200, description = "the decision", body = HasFeatureAccessOutput),
        (status = 400, description = "the context is missing or invalid", body = HasFeatureAccessBadRequestError),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 404, description = "there is no such feature", body = String, content_type = "text/plain"),
        (status = 422, description = "the context belongs to another feature", body = HasFeatureAccessUnprocessableEntityError)))]
pub(crate) async fn user_has_feature_access(
    State(app): State<App>,
    From(caller): From,
    input: Answer<Json<HasFeatureAccessInput>>,
) -> Answer {
    if input.is_err() && app.api.user_snapshot(&caller).await?.user.is_none() {
        // Who is signed out hears that first, whatever he sent.
        return Err(Error::not_signed_in().into());
    }
    let Json(input) = input.map_err(Failure::into_feature_input)?;
    ok(app.api.user_has_feature_access(&caller, input).await?)
}

/// Makes a user a member of an organisation or team.
#[utoipa::path(post, path = "/user/{user}/entities/associate/{entity}", tag = "entities",
    operation_id = "user_associate_entity", request_body = Option<EntityAssociateToUserInput>,
    params(("user" = String, Path, description = "id of the user"), ("entity" = String, Path, description = "id of the organisation or team")),
    responses((status = 204, description = "the user is a member"),
        (status = 404, description = "no such user or entity", body = String, content_type = "text/plain")))]
pub(crate) async fn user_associate_entity(
    State(app): State<App>,
    From(caller): From,
    Path((user, entity)): Path<(String, String)>,
    MaybeJson(_): MaybeJson<EntityAssociateToUserInput>,
) -> Answer {
    done(app.api.user_associate_entity(&caller, &user, &entity).await?)
}

/// Ends a user's membership.
#[utoipa::path(post, path = "/user/{user}/entities/disassociate/{entity}", tag = "entities",
    operation_id = "user_disassociate_entity",
    params(("user" = String, Path, description = "id of the user"), ("entity" = String, Path, description = "id of the organisation or team")),
    responses((status = 204, description = "the user is no member"),
        (status = 404, description = "no such user or entity", body = String, content_type = "text/plain")))]
pub(crate) async fn user_disassociate_entity(
    State(app): State<App>,
    From(caller): From,
    Path((user, entity)): Path<(String, String)>,
    _: NoBody,
) -> Answer {
    done(app.api.user_disassociate_entity(&caller, &user, &entity).await?)
}

/// The same as `user_associate_entity`, seen from the entity.
#[utoipa::path(post, path = "/entity/{entity}/users/associate/{user}", tag = "entities",
    operation_id = "entity_associate_user", request_body = Option<EntityAssociateToUserInput>,
    params(("entity" = String, Path, description = "id of the organisation or team"), ("user" = String, Path, description = "id of the user")),
    responses((status = 204, description = "the user is a member"),
        (status = 404, description = "no such user or entity", body = String, content_type = "text/plain")))]
pub(crate) async fn entity_associate_user(
    State(app): State<App>,
    From(caller): From,
    Path((entity, user)): Path<(String, String)>,
    MaybeJson(_): MaybeJson<EntityAssociateToUserInput>,
) -> Answer {
    done(app.api.user_associate_entity(&caller, &user, &entity).await?)
}

/// The same as `user_disassociate_entity`, seen from the entity.
#[utoipa::path(post, path = "/entity/{entity}/users/disassociate/{user}", tag = "entities",
    operation_id = "entity_disassociate_user",
    params(("entity" = String, Path, description = "id of the organisation or team"), ("user" = String, Path, description = "id of the user")),
    responses((status = 204, description = "the user is no member"),
        (status = 404, description = "no such user or entity", body = String, content_type = "text/plain")))]
pub(crate) async fn entity_disassociate_user(
    State(app): State<App>,
    From(caller): From,
    Path((entity, user)): Path<(String, String)>,
    _: NoBody,
) -> Answer {
    done(app.api.user_disassociate_entity(&caller, &user, &entity).await?)
}

/// The organisations and teams the user belongs to.
#[utoipa::path(get, path = "/entities", tag = "entities", operation_id = "entities_snapshot",
    responses((status = 200, description = "all of them", body = Entities),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain")))]
pub(crate) async fn entities_snapshot(State(app): State<App>, From(caller): From) -> Answer {
    ok(app.api.entities_snapshot(&caller).await?)
}

/// Makes an organisation or team.
#[utoipa::path(post, path = "/entities/create", tag = "entities", operation_id = "entities_create_new_entity",
    request_body = SeededEntity,
    responses((status = 200, description = "the entity", body = Entity)))]
pub(crate) async fn entities_create_new_entity(
    State(app): State<App>,
    From(caller): From,
    Json(entity): Json<SeededEntity>,
) -> Answer {
    ok(app.api.entities_create_new_entity(&caller, entity).await?)
}

/// One organisation or team the user belongs to.
#[utoipa::path(get, path = "/entity/{entity}", tag = "entities", operation_id = "entities_specific_entity_snapshot",
    params(("entity" = String, Path, description = "id of the organisation or team")),
    responses((status = 200, description = "the entity", body = Entity),
        (status = 401, description = "nobody is signed in", body = String, content_type = "text/plain"),
        (status = 404, description = "no such entity", body = String, content_type = "text/plain")))]
pub(crate) async fn entities_specific_entity_snapshot(
    State(app): State<App>,
    From(caller): From,
    Path(entity): Path<String>,
) -> Answer {
    ok(app.api.entities_specific_entity_snapshot(&caller, &entity).await?)
}

/// Changes an organisation or team.
#[utoipa::path(post, path = "/entity/update", tag = "entities", operation_id = "entity_update", request_body = Entity,
    responses((status = 200, description = "the entity", body = Entity)))]
pub(crate) async fn entity_update(
    State(app): State<App>,
    From(caller): From,
    Json(entity): Json<Entity>,
) -> Answer {
    ok(app.api.entity_update(&caller, entity).await?)
}

/// Deletes an organisation or team.
#[utoipa::path(post, path = "/entities/{entity}/delete", tag = "entities",
    operation_id = "entities_delete_specific_entity",
    params(("entity" = String, Path, description = "id of the organisation or team")),
    responses((status = 204, description = "it is gone")))]
pub(crate) async fn entities_delete_specific_entity(
    State(app): State<App>,
    From(caller): From,
    Path(entity): Path<String>,
    _: NoBody,
) -> Answer {
    done(app.api.entities_delete_specific_entity(&caller, &entity).await?)
}
