//! What holds for every decision, whatever the entities and the question.

use proptest::prelude::*;
use serde_json::{Value, json};
use usher_domain::access::{Basis, decide};
use usher_wire::{EntityTypeEnum, FlattenedEntity, HasFeatureAccessInput, HasFeatureAccessOutput};

use crate::*;

/// One of few values, so that entities and questions often meet.
fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(values).prop_map(str::to_owned)
}

/// A text that often meets others, or any text at all.
fn text(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![4 => one_of(values), 1 => any::<String>()]
}

const NAMES: &[&str] = &["Slack", "slack.exe", " SLACK", "Notes", "com.slack", "COM.Slack", ""];
const URLS: &[&str] =
    &["a.test", "www.a.test", "b.a.test/x", "https://a.test/x/y", "http://a.test:8080", "::1", "%"];
const UNIQUES: &[&str] = &["gpt", "gpt ", "llama", ""];
const PLACES: &[&str] = &["LOCAL", "CLOUD", "BLENDED", "UNKNOWN"];

/// What an entity may say about a feature.
fn a_node(feature: &'static str) -> BoxedStrategy<Value> {
    let enabled = prop_oneof![4 => Just("ENABLED"), 1 => Just("DISABLED"), 1 => Just("UNKNOWN")];
    match feature {
        MODELS => (enabled, prop::option::weighted(0.8, prop::collection::vec(text(UNIQUES), 0..4)))
            .prop_map(|(enabled, list)| match list {
                Some(list) => models(enabled, &list.iter().map(String::as_str).collect::<Vec<_>>()),
                None => json!({ "enabled": enabled }),
            })
            .boxed(),
        SOURCES => (enabled, prop::collection::vec((text(NAMES), prop::option::of(text(NAMES))), 0..3))
            .prop_map(|(enabled, list)| {
                let bundles = |bundle: Option<String>| bundle.map(|bundle| vec![bundle]);
                let entry =
                    |(name, bundle)| json!({ "application": name, "bundle_identifiers": bundles(bundle) });
                sources(enabled, list.into_iter().map(entry).collect())
            })
            .boxed(),
        WEBSITES => (enabled, prop::collection::vec(text(URLS), 0..3))
            .prop_map(|(enabled, list)| {
                websites(enabled, &list.iter().map(String::as_str).collect::<Vec<_>>())
            })
            .boxed(),
        PROCESSING => (enabled, prop::option::of(one_of(PLACES)))
            .prop_map(|(enabled, place)| json!({ "enabled": enabled, "processing": place }))
            .boxed(),
        _ => enabled.prop_map(|enabled| json!({ "enabled": enabled })).boxed(),
    }
}

/// An entity that mostly speaks of the feature. The ids are few, so some entities wrongly share one.
fn an_entity(feature: &'static str) -> impl Strategy<Value = FlattenedEntity> {
    let node = prop::option::weighted(0.8, a_node(feature));
    (one_of(&["a", "b", "c", "d"]), one_of(&["ORGANIZATION", "TEAM", "UNKNOWN"]), node).prop_map(
        move |(id, kind, node)| match node {
            Some(node) => {
                FlattenedEntity { r#type: EntityTypeEnum::from_text(&kind), ..org(&id, feature, node) }
            }
            None => entity(&id, &kind, json!({})),
        },
    )
}

/// A question about the feature; some cannot be judged.
fn a_question(feature: &'static str) -> impl Strategy<Value = HasFeatureAccessInput> {
    let context = match feature {
        MODELS => text(UNIQUES).prop_map(|name| model(&name)).boxed(),
        SOURCES => (text(NAMES), prop::option::of(text(NAMES)))
            .prop_map(|(name, bundle)| source(&name, bundle.as_deref()))
            .boxed(),
        WEBSITES => text(URLS).prop_map(|url| website(&url)).boxed(),
        PROCESSING => one_of(PLACES).prop_map(|place| processing(&place)).boxed(),
        _ => Just(Value::Null).boxed(),
    };
    prop_oneof![1 => Just(Value::Null), 4 => context].prop_map(move |context| question(feature, context))
}

/// Entities, and a question about a feature they mostly speak of; the four features with lists come up most.
fn a_case() -> impl Strategy<Value = (Vec<FlattenedEntity>, HasFeatureAccessInput)> {
    let feature = prop_oneof![1 => 0..12_usize, 4 => 12..16_usize].prop_map(|at| NODES[at].0);
    feature.prop_flat_map(|feature| (prop::collection::vec(an_entity(feature), 0..6), a_question(feature)))
}

/// The answer, or `None` for a question that cannot be judged.
fn judge(entities: &[FlattenedEntity], input: &HasFeatureAccessInput) -> Option<HasFeatureAccessOutput> {
    decide(entities, input, Basis::default()).ok()
}

fn is_about_deny_list(input: &HasFeatureAccessInput) -> bool {
    is_deny_list(input.feature.as_str())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn adding_an_entity_never_grants((entities, input) in a_case(), at in any::<prop::sample::Index>()) {
        prop_assume!(!entities.is_empty());
        let mut fewer = entities.clone();
        fewer.remove(at.index(entities.len()));
        let (Some(more), Some(fewer)) = (judge(&entities, &input), judge(&fewer, &input)) else { return Ok(()) };
        prop_assert!(fewer.can_use || !more.can_use, "{:?} became {:?}", fewer, more);
        // For a deny list, "enabled" says that one is in force, which grants nothing.
        prop_assert!(is_about_deny_list(&input) || fewer.enabled || !more.enabled, "{:?} became {:?}", fewer, more);
    }

    #[test]
    fn order_does_not_matter(
        ((entities, input), shuffled) in a_case()
            .prop_flat_map(|case| (Just(case.clone()), Just(case.0).prop_shuffle()))
    ) {
        // The whole answer: verdicts, deciding entity, what was compared, and the wording.
        prop_assert_eq!(judge(&entities, &input), judge(&shuffled, &input));
    }

    #[test]
    fn doubling_entities_changes_nothing((entities, input) in a_case()) {
        prop_assert_eq!(judge(&[&*entities, &*entities].concat(), &input), judge(&entities, &input));
    }

    #[test]
    fn all_together_allow_what_each_allows((entities, input) in a_case()) {
        let Some(together) = judge(&entities, &input) else { return Ok(()) };
        let alone: Vec<_> = entities.iter().filter_map(|one| judge(std::slice::from_ref(one), &input)).collect();
        prop_assert_eq!(together.can_use, alone.iter().all(|one| one.can_use));
        prop_assert_eq!(together.is_enterprise_user, alone.iter().any(|one| one.is_enterprise_user));
        if !is_about_deny_list(&input) {
            prop_assert_eq!(together.enabled, alone.iter().all(|one| one.enabled));
        }
    }

    #[test]
    fn the_smallest_id_among_those_who_refuse_alike_decides((entities, input) in a_case()) {
        let Some(together) = judge(&entities, &input) else { return Ok(()) };
        let refusals = entities.iter().filter_map(|one| {
            let alone = judge(std::slice::from_ref(one), &input)?;
            Some((!alone.reason?.starts_with("feature_disabled"), one.id.as_str()))
        });
        prop_assert_eq!(deciding(&together), refusals.min().map(|(_, id)| id));
    }

    #[test]
    fn a_denial_has_a_reason_and_a_grant_has_none((entities, input) in a_case()) {
        let Some(answer) = judge(&entities, &input) else { return Ok(()) };
        let denied = !answer.can_use || (!answer.enabled && !is_about_deny_list(&input));
        prop_assert_eq!(answer.reason.is_some(), denied, "{:?}", answer);
        prop_assert_eq!(deciding(&answer).is_some(), denied, "{:?}", answer);
        prop_assert!(input.context.is_some() || answer.can_use, "{:?}", answer);
        let feature = input.feature.as_str();
        let spoken_of = entities.iter().any(|one| ask(std::slice::from_ref(one), feature, Value::Null).decision.is_some());
        prop_assert_eq!(answer.decision.is_some(), spoken_of, "{:?}", answer);
    }
}
