//! Each rule as a table of questions and answers.

use serde_json::{Value, json};
use usher_domain::access::{Basis, decide};
use usher_wire::{Code, FeatureInput, HasFeatureAccessEnum};

use crate::*;

#[test]
fn an_unknown_feature_is_not_found_before_its_context_is_looked_at() {
    for feature in ["UNKNOWN", "SOMETHING_NEWER", ""] {
        for context in [Value::Null, json!({}), model("")] {
            let error = refused(feature, context);
            assert_eq!((error.code, error.feature_input), (Code::NotFound, None), "{feature}");
        }
    }
}

#[test]
fn a_context_of_another_feature_is_refused_with_the_member_expected() {
    // A value that cannot be read comes second: the context is foreign in the first place.
    let contexts = [
        (MODELS, "allowedCloudModels", model("")),
        (SOURCES, "deniedWorkstreamPatternEngineSource", source("", None)),
        (WEBSITES, "deniedWorkstreamPatternEngineWebsite", website("")),
        (PROCESSING, "processing", processing("UNKNOWN")),
    ];
    for feature in
        HasFeatureAccessEnum::ALL.iter().filter(|feature| **feature != HasFeatureAccessEnum::Unknown)
    {
        let own = contexts.iter().find(|(owner, ..)| *owner == feature.as_str());
        let expected = own.map_or("none", |(_, member, _)| *member);
        for (owner, _, context) in &contexts {
            let error = refused(feature.as_str(), context.clone());
            assert_eq!(error.code, Code::InvalidBody);
            let foreign = FeatureInput::ForeignContext { expected, feature: feature.as_str() };
            let input =
                if *owner == feature.as_str() { FeatureInput::Bad("invalid_context") } else { foreign };
            assert_eq!(error.feature_input, Some(input), "{feature} with the context of {owner}");
        }
    }
}

#[test]
fn the_features_own_member_counts_whatever_else_the_context_has() {
    let mut both = model("gpt");
    both["processing"] = json!({ "processing": "UNKNOWN" });
    assert!(!ask(&[org("a", MODELS, models("ENABLED", &[]))], MODELS, both).can_use);
}

#[test]
fn an_empty_context_is_missing_only_where_the_feature_takes_one() {
    for context in [json!({}), json!({ "schema": { "migration": 0, "semantic": "MAJOR_0_MINOR_0_PATCH_1" } })]
    {
        for feature in [MODELS, SOURCES, WEBSITES, PROCESSING] {
            let error = refused(feature, context.clone());
            assert_eq!(error.code, Code::InvalidBody);
            assert_eq!(error.feature_input, Some(FeatureInput::Bad("missing_context")), "{feature}");
        }
        for feature in ["SHARE_SNIPPET", "SENTRY"] {
            assert!(ask(&[], feature, context.clone()).can_use, "{feature}");
        }
    }
}

#[test]
fn a_value_that_is_empty_or_cannot_be_read_is_an_invalid_context() {
    let contexts = [
        (MODELS, model("")),
        (MODELS, model("  ")),
        (SOURCES, source("", Some("com.example"))),
        (SOURCES, source(" ", None)),
        (WEBSITES, website("")),
        (WEBSITES, website("not a site")),
        (WEBSITES, website("file:///etc/passwd")),
        (PROCESSING, processing("UNKNOWN")),
        (PROCESSING, processing("ON_THE_MOON")),
    ];
    for (feature, context) in contexts {
        let error = refused(feature, context.clone());
        assert_eq!(error.feature_input, Some(FeatureInput::Bad("invalid_context")), "{context}");
        assert!(error.message.contains("`context."), "{}", error.message);
    }
    let empty_bundle = ask(&[], SOURCES, source("Slack", Some("")));
    assert!(empty_bundle.can_use, "an optional member may be empty");
}

#[test]
fn without_entities_everything_is_allowed() {
    let features = NODES.iter().map(|(feature, ..)| *feature).chain(WITHOUT_NODE);
    for feature in features {
        let answer = ask(&[], feature, Value::Null);
        assert!(answer.enabled && answer.can_use && !answer.is_enterprise_user, "{feature}");
        assert_eq!((answer.reason, answer.decision), (None, None), "{feature}");
    }
    for (feature, context) in [
        (MODELS, model("gpt")),
        (SOURCES, source("Slack", None)),
        (WEBSITES, website("example.com")),
        (PROCESSING, processing("BLENDED")),
    ] {
        assert!(ask(&[], feature, context).can_use, "{feature}");
    }
}

#[test]
fn an_absent_node_restricts_nothing() {
    let bare = ["{}", r#"{"externalCloud":{},"analytics":{},"externalProvider":{}}"#]
        .map(|configuration| entity("a", "TEAM", serde_json::from_str(configuration).unwrap()));
    for (feature, ..) in NODES {
        assert_eq!(ask(&bare, feature, Value::Null), ask(&[], feature, Value::Null), "{feature}");
    }
    assert!(ask(&bare, MODELS, model("gpt")).can_use);
}

#[test]
fn only_an_organization_makes_an_enterprise_user() {
    for (kind, expected) in [("ORGANIZATION", true), ("TEAM", false), ("UNKNOWN", false)] {
        let answer = ask(&[entity("a", kind, json!({}))], "SENTRY", Value::Null);
        assert_eq!(answer.is_enterprise_user, expected, "{kind}");
    }
}

#[test]
fn a_deleted_entity_does_not_count() {
    let mut gone = org("a", "SHARE_SNIPPET", json!({ "enabled": "DISABLED" }));
    gone.deleted = Some(gone.updated.clone());
    assert_eq!(ask(&[gone], "SHARE_SNIPPET", Value::Null), ask(&[], "SHARE_SNIPPET", Value::Null));
}

#[test]
fn each_feature_is_switched_by_its_own_node() {
    for (feature, branch, name) in NODES {
        for (value, on) in [("ENABLED", true), ("DISABLED", false), ("UNKNOWN", false), ("NEWER", false)] {
            let entities = [org("a", feature, json!({ "enabled": value }))];
            for (other, ..) in NODES {
                let answer = ask(&entities, other, Value::Null);
                assert_eq!(answer.enabled, on || other != feature, "{other} with {feature} {value}");
                assert!(answer.can_use, "without context");
                let denied = other == feature && !on && !is_deny_list(feature);
                let word = answer.reason.as_deref().and_then(|reason| reason.split(':').next());
                assert_eq!(word, denied.then_some("feature_disabled"), "{other} with {feature} {value}");
                let rule = answer.decision.map(|decision| decision.rule);
                assert_eq!(rule, (other == feature).then(|| format!("{branch}.{name}")));
            }
            for other in WITHOUT_NODE {
                assert!(ask(&entities, other, Value::Null).enabled, "{other} has no node");
            }
        }
    }
}

#[test]
fn with_several_entities_every_node_has_to_be_on_but_one_deny_list_is_in_force() {
    let cases: [(&[&str], bool, bool); 5] = [
        (&["ENABLED", "ENABLED"], true, true),
        (&["ENABLED", "DISABLED"], false, true),
        (&["DISABLED", "ENABLED", "UNKNOWN"], false, true),
        (&["DISABLED", "UNKNOWN"], false, false),
        (&["UNKNOWN"], false, false),
    ];
    for (values, every, any) in cases {
        for (feature, ..) in NODES {
            let entities: Vec<_> =
                values.iter().map(|value| org(value, feature, json!({ "enabled": value }))).collect();
            let expected = if is_deny_list(feature) { any } else { every };
            assert_eq!(ask(&entities, feature, Value::Null).enabled, expected, "{feature} {values:?}");
        }
    }
}

#[test]
fn a_model_has_to_be_in_every_list_of_a_feature_that_is_on() {
    let no_list = json!({ "enabled": "ENABLED" });
    let cases = [
        (vec![no_list.clone()], true),
        (vec![models("ENABLED", &[])], false),
        (vec![models("ENABLED", &["other", " gpt "])], true),
        (vec![models("ENABLED", &["gpt-4", "GPT", "gp"])], false),
        (vec![models("ENABLED", &["gpt"]), no_list.clone()], true),
        (vec![models("ENABLED", &["gpt"]), models("ENABLED", &["gpt", "x"])], true),
        (vec![models("ENABLED", &["gpt"]), models("ENABLED", &["x"])], false),
        (vec![models("DISABLED", &["gpt"])], false),
        (vec![models("UNKNOWN", &["gpt"])], false),
        (vec![models("ENABLED", &["gpt"]), json!({ "enabled": "DISABLED" })], false),
    ];
    for (nodes, expected) in cases {
        let entities: Vec<_> = nodes.iter().map(|node| org("a", MODELS, node.clone())).collect();
        assert_eq!(ask(&entities, MODELS, model(" gpt")).can_use, expected, "{nodes:?}");
        assert!(ask(&entities, MODELS, Value::Null).can_use, "without context");
    }
    let defaults = json!({
        "enabled": "ENABLED", "allowedModels": { "iterable": [] }, "defaultModels": { "fast": { "unique": "gpt" } },
    });
    assert!(!ask(&[org("a", MODELS, defaults)], MODELS, model("gpt")).can_use, "a default allows nothing");
}

#[test]
fn a_source_is_denied_by_name_or_by_bundle() {
    let list = json!([
        { "application": "Slack.app", "bundle_identifiers": ["com.tinyspeck.slackmacgap", "com.slack"] },
        { "bundle_identifiers": ["com.example.notes"] },
        { "application": "" },
        {},
    ]);
    let cases = [
        ("slack", None, false),
        (" SLACK.exe", Some("com.other"), false),
        ("Renamed", Some("COM.Slack"), false),
        ("Notes", Some("com.example.notes"), false),
        ("Notes", None, true),
        ("Notes", Some(""), true),
        ("com.slack", None, true),
        ("Slack Helper", Some("com.slack.helper"), true),
    ];
    for (application, bundle, expected) in cases {
        for (value, in_force) in [("ENABLED", true), ("DISABLED", false), ("UNKNOWN", false)] {
            let entities = [org("a", SOURCES, sources(value, list.clone()))];
            let answer = ask(&entities, SOURCES, source(application, bundle));
            assert_eq!(answer.can_use, expected || !in_force, "{application} {bundle:?} {value}");
        }
    }
}

#[test]
fn a_website_is_denied_by_any_list_in_force() {
    let first = || org("a", WEBSITES, websites("ENABLED", &["% %", "bank.test"]));
    let second = |value| org("b", WEBSITES, websites(value, &["https://example.com/private"]));
    let cases = [
        ("https://www.bank.test/login", "ENABLED", false),
        ("https://example.com/private/x", "ENABLED", false),
        ("https://example.com/private/x", "DISABLED", true),
        ("https://example.com/privately", "ENABLED", true),
        ("https://example.com", "ENABLED", true),
    ];
    for (url, value, expected) in cases {
        let answer = ask(&[first(), second(value)], WEBSITES, website(url));
        assert_eq!(answer.can_use, expected, "{url} {value}");
        assert!(answer.enabled, "a list is in force");
    }
}

#[test]
fn processing_has_to_be_permitted_by_every_node() {
    let cases: [(&[&str], [bool; 3]); 6] = [
        (&["BLENDED"], [true, true, true]),
        (&["LOCAL"], [true, false, false]),
        (&["CLOUD"], [false, true, false]),
        (&["UNKNOWN"], [false, false, false]),
        (&["LOCAL", "CLOUD"], [false, false, false]),
        (&["LOCAL", "BLENDED"], [true, false, false]),
    ];
    for (limits, expected) in cases {
        let nodes = limits.iter().map(|limit| json!({ "enabled": "ENABLED", "processing": limit }));
        let entities: Vec<_> = nodes.map(|node| org("a", PROCESSING, node)).collect();
        let answers =
            ["LOCAL", "CLOUD", "BLENDED"].map(|place| ask(&entities, PROCESSING, processing(place)));
        assert_eq!(answers.map(|answer| answer.can_use), expected, "{limits:?}");
    }
    let free = [org("a", PROCESSING, json!({ "enabled": "ENABLED" }))];
    assert!(ask(&free, PROCESSING, processing("CLOUD")).can_use);
    let off = [org("a", PROCESSING, json!({ "enabled": "DISABLED", "processing": "BLENDED" }))];
    assert!(!ask(&off, PROCESSING, processing("LOCAL")).can_use);
}

#[test]
fn a_reason_says_the_word_whose_rule_and_where() {
    let cases = [
        ("SHARE_SNIPPET", json!({ "enabled": "DISABLED" }), Value::Null, "feature_disabled", "SHARE_SNIPPET"),
        (
            "SHARE_SNIPPET",
            json!({ "enabled": "UNKNOWN" }),
            Value::Null,
            "feature_disabled",
            "set SHARE_SNIPPET to UNKNOWN",
        ),
        (MODELS, models("DISABLED", &["gpt"]), model("gpt"), "feature_disabled", MODELS),
        (MODELS, models("ENABLED", &["x"]), model("gpt"), "model_not_allowed", "\"gpt\""),
        (MODELS, models("ENABLED", &[]), model("gpt"), "model_not_allowed", "empty"),
        (
            SOURCES,
            sources("ENABLED", json!([{ "application": "slack" }])),
            source("Slack.app", None),
            "source_denied",
            "\"slack\"",
        ),
        (
            WEBSITES,
            websites("ENABLED", &["a.test"]),
            website("https://b.a.test"),
            "website_denied",
            "\"a.test\"",
        ),
        (
            PROCESSING,
            json!({ "enabled": "ENABLED", "processing": "LOCAL" }),
            processing("CLOUD"),
            "processing_not_allowed",
            "LOCAL",
        ),
        (
            PROCESSING,
            json!({ "enabled": "ENABLED", "processing": "NEWER" }),
            processing("CLOUD"),
            "processing_not_allowed",
            "none",
        ),
    ];
    for (feature, node, context, word, detail) in cases {
        let answer = ask(&[org("o1", feature, node)], feature, context);
        let (reason, decision) = (answer.reason.unwrap(), answer.decision.unwrap());
        assert!(reason.starts_with(&format!("{word}: the organization \"Name of o1\" ")), "{reason}");
        assert!(reason.contains(detail) && reason.contains(&format!("({})", decision.rule)), "{reason}");
    }
}

#[test]
fn a_denial_names_rule_entity_and_what_was_compared() {
    let basis = Basis { as_of: Some("2026-05-06T07:08:09Z".parse().unwrap()), stale: true };
    let entities = [org("o1", WEBSITES, websites("ENABLED", &["a.test"]))];
    let answer = decide(&entities, &question(WEBSITES, website(" https://b.a.test/x ")), basis).unwrap();
    let expected = json!({
        "rule": "externalProvider.deniedWorkstreamPatternEngineWebsites.deniedWebsites",
        "entity": { "id": "o1", "name": "Name of o1", "type": "ORGANIZATION" },
        "compared": "https://b.a.test/x",
        "asOf": "2026-05-06T07:08:09.000Z",
        "stale": true,
    });
    assert_eq!(serde_json::to_value(answer.decision).unwrap(), expected);
}

#[test]
fn a_grant_names_the_rule_and_nobody() {
    let entities = [org("o1", MODELS, models("ENABLED", &["gpt"]))];
    let compared = ask(&entities, MODELS, model("gpt")).decision;
    let rule = "externalProvider.allowedCloudModels.allowedModels";
    assert_eq!(serde_json::to_value(compared).unwrap(), json!({ "rule": rule, "compared": "gpt" }));
    let whole = ask(&entities, MODELS, Value::Null).decision;
    assert_eq!(
        serde_json::to_value(whole).unwrap(),
        json!({ "rule": "externalProvider.allowedCloudModels" })
    );
}

#[test]
fn the_bundle_is_named_when_it_was_the_match() {
    let entities = [org("o1", SOURCES, sources("ENABLED", json!([{ "bundle_identifiers": ["com.slack"] }])))];
    let answer = ask(&entities, SOURCES, source("Renamed", Some("com.Slack")));
    assert_eq!(answer.decision.unwrap().compared.as_deref(), Some("com.Slack"));
    assert!(answer.reason.unwrap().contains("\"com.slack\""));
}

#[test]
fn the_order_of_a_list_does_not_change_what_is_named() {
    for urls in [["a.test", "b.a.test"], ["b.a.test", "a.test"]] {
        let entities = [org("o1", WEBSITES, websites("ENABLED", &urls))];
        let reason = ask(&entities, WEBSITES, website("b.a.test")).reason.unwrap();
        assert!(reason.contains("entry \"a.test\""), "{reason}");
    }
    let by_name = json!({ "application": "slack" });
    let by_bundle = json!({ "bundle_identifiers": ["com.slack"] });
    let again = json!({ "application": "Slack.app" });
    for list in [json!([by_name, by_bundle, again]), json!([again, by_bundle, by_name])] {
        let entities = [org("o1", SOURCES, sources("ENABLED", list))];
        let reason = ask(&entities, SOURCES, source("Slack", Some("com.slack"))).reason.unwrap();
        assert!(reason.contains("entry \"Slack.app\""), "{reason}");
    }
}

#[test]
fn the_most_restrictive_entity_decides_and_among_equals_the_smallest_id() {
    let lists = |id| org(id, MODELS, models("ENABLED", &["x"]));
    let grants = org("0", MODELS, models("ENABLED", &["gpt"]));
    let off = org("z", MODELS, json!({ "enabled": "DISABLED" }));
    let equals = ask(&[lists("c"), grants.clone(), lists("a"), lists("b")], MODELS, model("gpt"));
    assert_eq!(deciding(&equals), Some("a"));
    let with_off = ask(&[lists("a"), off, grants], MODELS, model("gpt"));
    assert_eq!(deciding(&with_off), Some("z"));
    assert!(with_off.reason.unwrap().starts_with("feature_disabled: "));
}
