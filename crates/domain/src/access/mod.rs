//! Whether policy allows a feature: a pure function of the user's entities and the question, the same on a device and in
//! a cloud. Of several entities the most restrictive wins.

mod matching;
mod node;
mod question;

use usher_wire::{
    DecidingEntity, Decision, EntityTypeEnum, FlattenedEntity, HasFeatureAccessEnum as Feature,
    HasFeatureAccessInput, HasFeatureAccessOutput, InstanceConfigurationEnabledEnum, Result, Timestamp,
};

use node::{Cause, Node, Ruling};
use question::Subject;

/// What the decision was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Basis {
    /// When the entities were last known to be right.
    pub as_of: Option<Timestamp>,
    /// Whether that is longer ago than it should be.
    pub stale: bool,
}

/// Answers whether a feature may be used by a member of these entities; deleted ones do not count.
///
/// # Errors
/// `not_found` for a feature that is not known; `invalid_body` with `feature_input` for a context that is missing,
/// cannot be read, or belongs to another feature.
pub fn decide<'a>(
    entities: impl IntoIterator<Item = &'a FlattenedEntity>,
    input: &HasFeatureAccessInput,
    basis: Basis,
) -> Result<HasFeatureAccessOutput> {
    let subject = question::subject(input)?;
    let mut tally = Tally::default();
    for entity in entities.into_iter().filter(|entity| entity.deleted.is_none()) {
        tally.count(entity, input.feature, subject.as_ref());
    }
    Ok(tally.answer(input.feature, subject.as_ref(), basis))
}

/// What the entities seen so far say together.
#[derive(Default)]
struct Tally<'a> {
    is_enterprise_user: bool,
    /// A node that is switched on was seen.
    any_on: bool,
    /// A node that is not was seen.
    any_off: bool,
    /// The subject was compared with a list or value.
    compared: bool,
    refusal: Option<Refusal<'a>>,
}

/// That one entity refuses.
struct Refusal<'a> {
    entity: &'a FlattenedEntity,
    cause: Cause<'a>,
    compared: Option<&'a str>,
}

impl<'a> Tally<'a> {
    fn count(&mut self, entity: &'a FlattenedEntity, feature: Feature, subject: Option<&'a Subject<'a>>) {
        self.is_enterprise_user |= entity.r#type == EntityTypeEnum::Organization;
        let Some(node) = Node::find(&entity.configuration, feature) else { return };
        if node.enabled != InstanceConfigurationEnabledEnum::Enabled {
            self.any_off = true;
            // A deny list that is off denies nothing.
            if !is_deny_list(feature) {
                self.refuse(Refusal { entity, cause: Cause::Off(node.enabled.as_str()), compared: None });
            }
            return;
        }
        self.any_on = true;
        match subject.map_or(Ruling::Silent, |subject| node.ruling(subject)) {
            Ruling::Silent => {}
            Ruling::Permitted => self.compared = true,
            Ruling::Refused { cause, compared } => {
                self.compared = true;
                self.refuse(Refusal { entity, cause, compared: Some(compared) });
            }
        }
    }

    /// Keeps the refusal that decides, whatever the order they come in.
    fn refuse(&mut self, refusal: Refusal<'a>) {
        if self.refusal.as_ref().is_none_or(|kept| refusal.rank() < kept.rank()) {
            self.refusal = Some(refusal);
        }
    }

    fn answer(self, feature: Feature, subject: Option<&Subject<'_>>, basis: Basis) -> HasFeatureAccessOutput {
        let silent = !self.any_on && !self.any_off;
        let enabled = silent || if is_deny_list(feature) { self.any_on } else { !self.any_off };
        HasFeatureAccessOutput {
            can_use: subject.is_none() || self.refusal.is_none(),
            enabled,
            is_enterprise_user: self.is_enterprise_user,
            reason: self.refusal.as_ref().map(|refusal| refusal.reason(feature)),
            decision: if silent { None } else { self.decision(feature, subject, basis) },
            schema: None,
        }
    }

    fn decision(&self, feature: Feature, subject: Option<&Subject<'_>>, basis: Basis) -> Option<Decision> {
        let (rule, compared) = match &self.refusal {
            Some(refusal) => (refusal.rule(feature), refusal.compared),
            None if self.compared => (node::limit_path(feature), subject.map(Subject::text)),
            None => (node::path(feature), None),
        };
        Some(Decision {
            rule: rule?.to_owned(),
            entity: self.refusal.as_ref().map(|refusal| DecidingEntity {
                id: refusal.entity.id.clone(),
                name: refusal.entity.name.clone(),
                r#type: refusal.entity.r#type,
            }),
            compared: compared.map(str::to_owned),
            as_of: basis.as_of,
            stale: basis.stale.then_some(true),
        })
    }
}

impl<'a> Refusal<'a> {
    /// Orders refusals: a feature switched off before a single resource refused, then by id. What follows the id only
    /// tells apart entities that wrongly share it.
    fn rank(&self) -> impl Ord + use<'a> {
        let is_limit = !matches!(self.cause, Cause::Off(_));
        let entity = self.entity;
        (is_limit, &*entity.id, &*entity.name, entity.r#type.as_str(), self.cause, self.compared)
    }

    fn rule(&self, feature: Feature) -> Option<&'static str> {
        match self.cause {
            Cause::Off(_) => node::path(feature),
            _ => node::limit_path(feature),
        }
    }

    /// The stable word, then whose rule it is and where it stands.
    fn reason(&self, feature: Feature) -> String {
        let who = Who(self.entity);
        let what = self.compared.unwrap_or_default();
        let rule = self.rule(feature).unwrap_or_default();
        match self.cause {
            Cause::Off("DISABLED") => format!("feature_disabled: {who} switched {feature} off ({rule})"),
            Cause::Off(value) => {
                format!("feature_disabled: {who} set {feature} to {value}, which counts as off ({rule})")
            }
            Cause::NoModels => {
                format!("model_not_allowed: {who} allows no cloud model, its list is empty ({rule})")
            }
            Cause::NotListed => format!("model_not_allowed: {who} does not list {what:?} ({rule})"),
            Cause::Source(entry) => {
                format!("source_denied: {who} denies {what:?} by its entry {entry:?} ({rule})")
            }
            Cause::Website(entry) => {
                format!("website_denied: {who} denies {what:?} by its entry {entry:?} ({rule})")
            }
            Cause::Place("UNKNOWN") => format!(
                "processing_not_allowed: {who} limits processing to UNKNOWN, which permits none ({rule})"
            ),
            Cause::Place(place) => {
                format!(
                    "processing_not_allowed: {who} limits processing to {place}, asked was {what} ({rule})"
                )
            }
        }
    }
}

/// An entity as a sentence names it.
struct Who<'a>(&'a FlattenedEntity);

impl std::fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.0.r#type {
            EntityTypeEnum::Organization => "the organization",
            EntityTypeEnum::Team => "the team",
            EntityTypeEnum::Unknown => "the entity",
        };
        let name = if self.0.name.trim().is_empty() { &self.0.id } else { &self.0.name };
        write!(f, "{kind} {name:?}")
    }
}

/// Whether "enabled" means that a list of denied things is in force.
fn is_deny_list(feature: Feature) -> bool {
    matches!(
        feature,
        Feature::DeniedWorkstreamPatternEngineSources | Feature::DeniedWorkstreamPatternEngineWebsites
    )
}
