//! Properties of opting in to and out of a beta.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use proptest::prelude::*;
use usher_domain::beta::Beta;
use usher_wire::{
    AnonymousTemporalRange, Auth0UserBetaStatus, Code, GroupedTimestamp, Timestamp, UserBetaStatus,
};

/// Few instants, so that they often meet.
fn an_instant() -> impl Strategy<Value = Timestamp> {
    (1_700_000_000_000_i64..1_700_000_000_012).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn a_range() -> impl Strategy<Value = AnonymousTemporalRange> {
    let stamp = || prop::option::of(an_instant().prop_map(GroupedTimestamp::from));
    (stamp(), stamp(), any::<Option<bool>>(), any::<Option<bool>>()).prop_map(
        |(from, to, between, continuous)| AnonymousTemporalRange {
            from,
            to,
            between,
            continuous,
            schema: None,
        },
    )
}

fn a_status() -> impl Strategy<Value = UserBetaStatus> {
    let section = || {
        let vision = prop::option::weighted(0.8, a_range());
        prop::option::of(vision.prop_map(|vision| Auth0UserBetaStatus { vision, schema: None }))
    };
    (section(), section()).prop_map(|(auth0, descope)| UserBetaStatus {
        user: "ada".into(),
        auth0,
        descope,
        schema: None,
    })
}

/// Callers one after the other: when each comes, and what it sends.
fn history() -> impl Strategy<Value = Vec<(Timestamp, UserBetaStatus)>> {
    prop::collection::vec((an_instant(), a_status()), 1..8)
}

fn value(stamp: &Option<GroupedTimestamp>) -> Option<Timestamp> {
    stamp.as_ref().map(|stamp| stamp.value)
}

/// What both sections are after a history; refused calls change nothing.
fn after(history: &[(Timestamp, UserBetaStatus)]) -> Beta {
    history.iter().fold(Beta::default(), |beta, (now, sent)| beta.apply(sent, *now).unwrap_or(beta))
}

fn sections(beta: &Beta) -> [&Option<AnonymousTemporalRange>; 2] {
    [&beta.auth0, &beta.descope]
}

fn visions(sent: &UserBetaStatus) -> [Option<&AnonymousTemporalRange>; 2] {
    [&sent.auth0, &sent.descope].map(|section| section.as_ref().and_then(|section| section.vision.as_ref()))
}

proptest! {
    #[test]
    fn no_range_ends_before_it_begins(history in history()) {
        for range in sections(&after(&history)).into_iter().flatten() {
            if let (Some(from), Some(to)) = (value(&range.from), value(&range.to)) {
                prop_assert!(from <= to, "{range:?}");
            }
        }
    }

    #[test]
    fn the_same_again_at_the_same_time_changes_nothing(history in history(), now in an_instant(), sent in a_status()) {
        if let Ok(once) = after(&history).apply(&sent, now) {
            prop_assert_eq!(once.apply(&sent, now), Ok(once.clone()));
        }
    }

    #[test]
    fn a_section_that_is_left_out_stays(history in history(), now in an_instant(), sent in a_status()) {
        let before = after(&history);
        if let Ok(now) = before.apply(&sent, now) {
            for ((before, now), sent) in sections(&before).into_iter().zip(sections(&now)).zip(visions(&sent)) {
                prop_assert!(sent.is_some() || before == now);
            }
        }
    }

    #[test]
    fn an_end_is_never_set_into_the_past(history in history(), now in an_instant(), sent in a_status()) {
        if let Ok(after) = after(&history).apply(&sent, now) {
            for (range, sent) in sections(&after).into_iter().zip(visions(&sent)) {
                let is_sent = sent.is_some_and(|sent| sent.to.is_some());
                let to = range.as_ref().and_then(|range| value(&range.to));
                prop_assert!(!is_sent || to >= Some(now), "{range:?}");
            }
        }
    }

    #[test]
    fn opting_in_continuously_begins_and_does_not_end(history in history(), now in an_instant(), mut sent in a_range()) {
        (sent.continuous, sent.to) = (Some(true), None);
        let status = UserBetaStatus {
            user: "ada".into(),
            auth0: Some(Auth0UserBetaStatus { vision: Some(sent.clone()), schema: None }),
            descope: None,
            schema: None,
        };
        let range = after(&history).apply(&status, now).unwrap().auth0.unwrap();
        prop_assert!(range.from.is_some() && range.to.is_none(), "{range:?}");
        prop_assert!(sent.from.is_none() || range.from == sent.from, "{range:?}");
    }

    #[test]
    fn a_refusal_names_the_member_and_is_of_what_was_sent(history in history(), now in an_instant(), sent in a_status()) {
        if let Err(error) = after(&history).apply(&sent, now) {
            prop_assert_eq!(error.code, Code::InvalidValue);
            prop_assert!(error.message.contains(".vision.from`"), "{error}");
            let mut sections = visions(&sent).into_iter().flatten();
            let is_contradiction = |range: &AnonymousTemporalRange| {
                range.to.is_some() && (range.from.is_some() || range.continuous == Some(true))
            };
            prop_assert!(sections.any(is_contradiction), "a start or an end alone is never refused: {sent:?}");
        }
    }
}
