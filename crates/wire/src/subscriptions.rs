//! What users and organizations pay for.

use crate::{
    EmbeddedModelSchema, FlattenedEntities, GroupedTimestamp, ReferencedUser, Score, SubscriptionTermEnum,
};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A list of subscriptions by reference.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct FlattenedSubscriptions {
    /// The subscriptions.
    pub iterable: Vec<ReferencedSubscription>,
    /// Position of each id in `iterable`; -1 for one that was removed.
    pub indices: Option<BTreeMap<String, i64>>,
    /// How much the list is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A subscription by id, perhaps with its description.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReferencedSubscription {
    /// Id of the subscription.
    pub id: String,
    /// The description.
    pub reference: Option<Box<FlattenedSubscription>>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A subscription with its lists by reference.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlattenedSubscription {
    /// Id of the subscription.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Id at the billing service.
    pub subscription_id: String,
    /// Id of the product.
    pub product_id: String,
    /// Id of the price.
    pub price_id: String,
    /// Number of seats.
    pub quantity: i64,
    /// How often it is billed.
    pub term: SubscriptionTermEnum,
    /// Whether it is in force.
    pub active: bool,
    /// Who pays.
    pub user: ReferencedUser,
    /// Entities it covers.
    #[schema(no_recursion)]
    pub entities: Option<FlattenedEntities>,
    /// When it was made.
    pub created: GroupedTimestamp,
    /// When it last changed.
    pub updated: GroupedTimestamp,
    /// When it was cancelled.
    pub cancelled: Option<GroupedTimestamp>,
    /// When it was paused.
    pub paused: Option<GroupedTimestamp>,
    /// When it is billed next.
    pub next_billing_date: Option<GroupedTimestamp>,
    /// How much it is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A list of subscriptions.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Subscriptions {
    /// The subscriptions.
    pub iterable: Vec<Subscription>,
    /// Position of each id in `iterable`; -1 for one that was removed.
    pub indices: Option<BTreeMap<String, i64>>,
    /// How much the list is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

/// A subscription.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Subscription {
    /// Id of the subscription.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Id at the billing service.
    pub subscription_id: String,
    /// Id of the product.
    pub product_id: String,
    /// Id of the price.
    pub price_id: String,
    /// Number of seats.
    pub quantity: i64,
    /// How often it is billed.
    pub term: SubscriptionTermEnum,
    /// Whether it is in force.
    pub active: bool,
    /// Who pays.
    pub user: ReferencedUser,
    /// Entities it covers.
    pub entities: Option<FlattenedEntities>,
    /// When it was made.
    pub created: GroupedTimestamp,
    /// When it last changed.
    pub updated: GroupedTimestamp,
    /// When it was cancelled.
    pub cancelled: Option<GroupedTimestamp>,
    /// When it was paused.
    pub paused: Option<GroupedTimestamp>,
    /// When it is billed next.
    pub next_billing_date: Option<GroupedTimestamp>,
    /// How much it is used.
    pub score: Option<Score>,
    /// Version of this model.
    pub schema: Option<EmbeddedModelSchema>,
}

impl From<&Subscription> for FlattenedSubscription {
    fn from(subscription: &Subscription) -> Self {
        Self {
            id: subscription.id.clone(),
            name: subscription.name.clone(),
            subscription_id: subscription.subscription_id.clone(),
            product_id: subscription.product_id.clone(),
            price_id: subscription.price_id.clone(),
            quantity: subscription.quantity,
            term: subscription.term,
            active: subscription.active,
            user: subscription.user.clone(),
            entities: subscription.entities.clone(),
            created: subscription.created.clone(),
            updated: subscription.updated.clone(),
            cancelled: subscription.cancelled.clone(),
            paused: subscription.paused.clone(),
            next_billing_date: subscription.next_billing_date.clone(),
            score: subscription.score.clone(),
            schema: subscription.schema,
        }
    }
}
