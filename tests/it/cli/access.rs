//! `access` and `orgs`: what an organisation given by a policy file allows.

use insta::assert_snapshot;
use serde_json::Value;

use super::{acme, sign_in};
use crate::daemon::Daemon;

#[test]
fn access_tells_the_verdict_and_whose_rule_it_is() {
    let daemon = Daemon::start_with(acme);
    sign_in(&daemon, "Ada Lovelace", "ada@example.org");
    let access = |arguments: &[&str]| daemon.cli(&[&["access"], arguments].concat());
    assert_snapshot!(access(&["SHARE_SNIPPET"]), @r"
    exit code 0
    --- stdout
    allowed
    ");
    assert_snapshot!(access(&["segment"]), @r#"
    exit code 1
    --- stdout
    denied: feature_disabled: the organization "Acme" switched SEGMENT off (analytics.segment)
    rule    analytics.segment
    entity  Acme (ORGANIZATION, [id])
    as of   [time]
    "#);
    assert_snapshot!(access(&["ALLOWED_CLOUD_MODELS", "--model", "gpt-5"]), @r"
    exit code 0
    --- stdout
    allowed
    rule      externalProvider.allowedCloudModels.allowedModels
    compared  gpt-5
    as of     [time]
    ");
    assert_snapshot!(access(&["ALLOWED_CLOUD_MODELS", "--model", "gpt-4"]), @r#"
    exit code 1
    --- stdout
    denied: model_not_allowed: the organization "Acme" does not list "gpt-4" (externalProvider.allowedCloudModels.allowedModels)
    rule      externalProvider.allowedCloudModels.allowedModels
    entity    Acme (ORGANIZATION, [id])
    compared  gpt-4
    as of     [time]
    "#);
    assert_snapshot!(access(&["EXTERNAL_PROVIDER_PROCESSING", "--processing", "local"]), @r"
    exit code 0
    --- stdout
    allowed
    rule      externalProvider.processing.processing
    compared  LOCAL
    as of     [time]
    ");
    assert_snapshot!(access(&["EXTERNAL_PROVIDER_PROCESSING", "--processing", "CLOUD"]), @r#"
    exit code 1
    --- stdout
    denied: processing_not_allowed: the organization "Acme" limits processing to LOCAL, asked was CLOUD (externalProvider.processing.processing)
    rule      externalProvider.processing.processing
    entity    Acme (ORGANIZATION, [id])
    compared  CLOUD
    as of     [time]
    "#);
    let apps = "DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES";
    assert_snapshot!(access(&[apps]), @r"
    exit code 0
    --- stdout
    allowed
    rule   externalProvider.deniedWorkstreamPatternEngineSources
    as of  [time]
    ");
    assert_snapshot!(access(&[apps, "--app", "Notes"]), @r"
    exit code 0
    --- stdout
    allowed
    rule      externalProvider.deniedWorkstreamPatternEngineSources.deniedSources
    compared  Notes
    as of     [time]
    ");
    assert_snapshot!(access(&[apps, "--app", "Chat", "--bundle", "com.tinyspeck.slackmacgap"]), @r#"
    exit code 1
    --- stdout
    denied: source_denied: the organization "Acme" denies "com.tinyspeck.slackmacgap" by its entry "com.tinyspeck.slackmacgap" (externalProvider.deniedWorkstreamPatternEngineSources.deniedSources)
    rule      externalProvider.deniedWorkstreamPatternEngineSources.deniedSources
    entity    Acme (ORGANIZATION, [id])
    compared  com.tinyspeck.slackmacgap
    as of     [time]
    "#);
    let sites = "DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES";
    assert_snapshot!(access(&[sites, "--site", "https://www.bank.example/login"]), @r#"
    exit code 1
    --- stdout
    denied: website_denied: the organization "Acme" denies "https://www.bank.example/login" by its entry "bank.example" (externalProvider.deniedWorkstreamPatternEngineWebsites.deniedWebsites)
    rule      externalProvider.deniedWorkstreamPatternEngineWebsites.deniedWebsites
    entity    Acme (ORGANIZATION, [id])
    compared  https://www.bank.example/login
    as of     [time]
    "#);
    assert_snapshot!(access(&["SEGMENT", "--json"]), @r#"
    exit code 1
    --- stdout
    {
      "canUse": true,
      "enabled": false,
      "isEnterpriseUser": true,
      "reason": "feature_disabled: the organization \"Acme\" switched SEGMENT off (analytics.segment)",
      "decision": {
        "rule": "analytics.segment",
        "entity": {
          "id": "[id]",
          "name": "Acme",
          "type": "ORGANIZATION"
        },
        "asOf": "[time]"
      }
    }
    "#);
}

#[test]
fn access_refuses_questions_without_an_answer() {
    let daemon = Daemon::start_with(acme);
    sign_in(&daemon, "Ada Lovelace", "ada@example.org");
    let access = |arguments: &[&str]| daemon.cli(&[&["access"], arguments].concat());
    assert_snapshot!(access(&["ALLOWED_CLOUD_MODELS", "--app", "Slack"]), @r"
    exit code 1
    --- stderr
    error: ALLOWED_CLOUD_MODELS is not about such a resource
    hint: `usher access ALLOWED_CLOUD_MODELS --model MODEL`
    ");
    assert_snapshot!(access(&["SEGMENT", "--model", "gpt-5"]), @r"
    exit code 1
    --- stderr
    error: SEGMENT is asked without a resource
    hint: `usher access SEGMENT`
    ");
    assert_snapshot!(access(&["ALLOWED_CLOUD_MODELS", "--model", ""]), @r"
    exit code 1
    --- stderr
    error: `context.allowedCloudModels.modelUniqueName` is empty: send what is to be checked
    hint: correct the value and run the command again
    ");
    assert_snapshot!(access(&["SEGMENT", "--model", "gpt-5", "--app", "Slack"]), @r"
    exit code 2
    --- stderr
    error: the argument '--model <MODEL>' cannot be used with '--app <APP>'

    Usage: usher access --model <MODEL> <FEATURE>

    For more information, try '--help'.
    ");
    assert_snapshot!(access(&["SEGMENT", "--bundle", "com.example"]), @r"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      --app <APP>

    Usage: usher access --app <APP> --bundle <BUNDLE> <FEATURE>

    For more information, try '--help'.
    ");
    assert_snapshot!(access(&["TELEPORT"]), @r"
    exit code 2
    --- stderr
    error: invalid value 'TELEPORT' for '<FEATURE>'
      [possible values: CONNECT_TO_CLOUD, UPDATE_ALLOCATION_CLOUD, RECONNECT_TO_CLOUD, SHARE_SNIPPET, CLOUD_BACKUP_CREATION, LIST_CLOUD_BACKUPS, LIST_SPECIFIC_CLOUD_BACKUP, RESTORE_CLOUD_BACKUP, DELETE_CLOUD_BACKUP, IP_LOOKUP, SENTRY, BIG_QUERY, SEGMENT, CUSTOM_ANALYTICS, SEND_INTERNAL_SUMMARY_REPORTS_TO_USER_TEAM_SERVICE, ALLOWED_CLOUD_MODELS, DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES, DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES, EXTERNAL_PROVIDER_PROCESSING]

    For more information, try '--help'.
    ");
}

#[test]
fn organisations_are_listed() {
    let daemon = Daemon::start_with(acme);
    sign_in(&daemon, "Ada Lovelace", "ada@example.org");
    assert_snapshot!(daemon.cli(&["orgs"]), @r"
    exit code 0
    --- stdout
    Acme  ORGANIZATION  [id]
    ");
    let listed: Value = serde_json::from_str(&daemon.cli(&["orgs", "--json"]).stdout).unwrap();
    assert_eq!(listed["iterable"][0]["name"], "Acme");
}
