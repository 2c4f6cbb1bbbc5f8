//! Organizations and teams.

use crate::{
    EmbeddedModelSchema, EntityTypeEnum, FlattenedSubscriptions, FlattenedUsers, GroupedTimestamp,
    InstanceConfiguration,
};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A list of entities by reference.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct FlattenedEntities {
    /// The entities.
    pub iterable: Vec<ReferencedEntity>,
    /// Position of each id in `iterable`; -1 for one that was removed.
    pub indices: Option<BTreeMap<String, i64>>,
    /// How much the list is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// An entity by id, perhaps with its description.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReferencedEntity {
    /// Id of the entity.
    pub id: String,
    /// The description.
    pub reference: Option<Box<FlattenedEntity>>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// An organization or team with its lists by reference.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlattenedEntity {
    /// Id of the entity.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Kind of the entity.
    pub r#type: EntityTypeEnum,
    /// Rules for its members; may be empty.
    pub configuration: InstanceConfiguration,
    /// When it was made.
    pub created: GroupedTimestamp,
    /// When it last changed.
    pub updated: GroupedTimestamp,
    /// When it was deleted.
    pub deleted: Option<GroupedTimestamp>,
    /// Id of the organization in the team service.
    pub org_identifier: Option<String>,
    /// Id of the team in the team service.
    pub team_identifier: Option<String>,
    /// Its subscriptions.
    pub subscriptions: Option<FlattenedSubscriptions>,
    /// Its members.
    pub users: Option<FlattenedUsers>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of entities.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Entities {
    /// The entities.
    pub iterable: Vec<Entity>,
    /// Position of each id in `iterable`; -1 for one that was removed.
    pub indices: Option<BTreeMap<String, i64>>,
    /// How much the list is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// An organization or team.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entity {
    /// Id of the entity.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Kind of the entity.
    pub r#type: EntityTypeEnum,
    /// Rules for its members; may be empty.
    pub configuration: InstanceConfiguration,
    /// When it was made.
    pub created: GroupedTimestamp,
    /// When it last changed.
    pub updated: GroupedTimestamp,
    /// When it was deleted.
    pub deleted: Option<GroupedTimestamp>,
    /// Mail domains whose users belong to it.
    pub domains: Option<Vec<String>>,
    /// Id of the organization in the team service.
    pub org_identifier: Option<String>,
    /// Id of the team in the team service.
    pub team_identifier: Option<String>,
    /// Its subscriptions.
    pub subscriptions: Option<FlattenedSubscriptions>,
    /// Its members.
    pub users: Option<FlattenedUsers>,
    /// How much it is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// What a new organization or team is made from.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct SeededEntity {
    /// Display name.
    pub name: String,
    /// E-mail domains whose verified owners may join.
    pub domains: Option<Vec<String>>,
    /// Id of the organization in an outside directory.
    pub org_identifier: Option<String>,
    /// Id of the team in an outside directory.
    pub team_identifier: Option<String>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

impl From<&Entity> for FlattenedEntity {
    /// Everything but `domains` and `score`, which the flattened form does not have.
    fn from(entity: &Entity) -> Self {
        Self {
            id: entity.id.clone(),
            name: entity.name.clone(),
            r#type: entity.r#type,
            configuration: entity.configuration.clone(),
            created: entity.created.clone(),
            updated: entity.updated.clone(),
            deleted: entity.deleted.clone(),
            org_identifier: entity.org_identifier.clone(),
            team_identifier: entity.team_identifier.clone(),
            subscriptions: entity.subscriptions.clone(),
            users: entity.users.clone(),
            schema: entity.schema,
        }
    }
}

impl From<&FlattenedEntity> for Entity {
    /// Everything the flattened form has.
    fn from(entity: &FlattenedEntity) -> Self {
        Self {
            id: entity.id.clone(),
            name: entity.name.clone(),
            r#type: entity.r#type,
            configuration: entity.configuration.clone(),
            created: entity.created.clone(),
            updated: entity.updated.clone(),
            deleted: entity.deleted.clone(),
            domains: None,
            org_identifier: entity.org_identifier.clone(),
            team_identifier: entity.team_identifier.clone(),
            subscriptions: entity.subscriptions.clone(),
            users: entity.users.clone(),
            score: None,
            schema: entity.schema,
        }
    }
}

/// How much something is used.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// Points from automatic events.
    pub automatic: i64,
    /// Points from events a user caused.
    pub manual: i64,
    /// Points from priority.
    pub priority: Option<i64>,
    /// Points from references.
    pub reference: Option<i64>,
    /// Points from reuse.
    pub reuse: Option<i64>,
    /// Points from searches.
    pub searched: Option<i64>,
    /// Points from updates.
    pub update: Option<i64>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}
