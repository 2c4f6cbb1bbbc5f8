//! The decision about a feature: one more policy never allows more, and the order of policies does not matter.

use serde::Deserialize;
use usher_domain::access::{Basis, decide};
use usher_wire::{FlattenedEntity, HasFeatureAccessEnum as Feature, HasFeatureAccessInput};

/// What a decision is taken from.
#[derive(Deserialize)]
struct Case {
    entities: Vec<FlattenedEntity>,
    input: HasFeatureAccessInput,
}

/// Reads the bytes as entities and a question, and compares the answer with those of fewer entities.
pub fn access(data: &[u8]) {
    let Ok(Case { entities, input }) = serde_json::from_slice(data) else { return };
    let Ok(answer) = decide(&entities, &input, Basis::default()) else { return };
    // A deny list is "enabled" when it is in force, which allows nothing.
    let is_deny_list = matches!(
        input.feature,
        Feature::DeniedWorkstreamPatternEngineSources | Feature::DeniedWorkstreamPatternEngineWebsites
    );
    for left_out in 0..entities.len() {
        let others = entities.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, entity)| entity);
        let fewer = decide(others, &input, Basis::default()).expect("the question can be judged");
        assert!(fewer.can_use || !answer.can_use, "{fewer:?} became {answer:?}");
        assert!(is_deny_list || fewer.enabled || !answer.enabled, "{fewer:?} became {answer:?}");
    }
    assert_eq!(decide(entities.iter().rev(), &input, Basis::default()), Ok(answer));
}
