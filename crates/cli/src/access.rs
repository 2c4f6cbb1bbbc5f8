//! `access`: whether policy allows a feature to the signed-in user, and whose rule says so.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use usher_wire::{
    Caller, CapabilitiesEnum, Error, FeatureInput, HasFeatureAccessAllowedCloudModelsContext,
    HasFeatureAccessContext, HasFeatureAccessDeniedWorkstreamPatternEngineSourceContext as SourceContext,
    HasFeatureAccessDeniedWorkstreamPatternEngineWebsiteContext as WebsiteContext,
    HasFeatureAccessEnum as Feature, HasFeatureAccessInput, HasFeatureAccessOutput,
    HasFeatureAccessProcessingContext, UserApi,
};

use crate::{
    bound::{self, Bound},
    failure::Failure,
    print::{self, clean},
};

/// Arguments of `access`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The feature asked about
    #[arg(value_parser = features(), ignore_case = true)]
    feature: Feature,
    /// A cloud model by its unique name, for ALLOWED_CLOUD_MODELS
    #[arg(long, group = "resource")]
    model: Option<String>,
    /// An application by its name, for DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES
    #[arg(long, group = "resource")]
    app: Option<String>,
    /// Bundle identifier of the application
    #[arg(long, requires = "app")]
    bundle: Option<String>,
    /// A website by its URL, for DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES
    #[arg(long, value_name = "URL", group = "resource")]
    site: Option<String>,
    /// A place of processing, for EXTERNAL_PROVIDER_PROCESSING
    #[arg(long, value_parser = places(), ignore_case = true, group = "resource")]
    processing: Option<CapabilitiesEnum>,
}

/// Every feature by its word on the wire.
fn features() -> impl TypedValueParser<Value = Feature> {
    let known =
        Feature::ALL.iter().filter(|feature| **feature != Feature::Unknown).map(|feature| feature.as_str());
    PossibleValuesParser::new(known).map(|word| Feature::from_text(&word.to_uppercase()))
}

/// Every place of processing by its word on the wire.
fn places() -> impl TypedValueParser<Value = CapabilitiesEnum> {
    let known = CapabilitiesEnum::ALL.iter().filter(|place| **place != CapabilitiesEnum::Unknown);
    PossibleValuesParser::new(known.map(|place| place.as_str()))
        .map(|word| CapabilitiesEnum::from_text(&word.to_uppercase()))
}

pub(crate) async fn access(args: Args, bound: Option<&Bound>, json: bool) -> anyhow::Result<ExitCode> {
    let feature = args.feature;
    let input = HasFeatureAccessInput { feature, context: context(args), schema: None };
    let has_context = input.context.is_some();
    let answer = bound::client(bound).await?.user_has_feature_access(&Caller::default(), input).await;
    let answer = answer.map_err(in_terms_of_options)?;
    let is_allowed = is_allowed(feature, has_context, &answer);
    if json {
        print::json(&answer)?;
    } else {
        show(is_allowed, &answer)?;
    }
    Ok(if is_allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The resource named by the options, as the member its feature takes.
fn context(args: Args) -> Option<HasFeatureAccessContext> {
    let Args { feature: _, model, app, bundle, site, processing } = args;
    let context = HasFeatureAccessContext {
        allowed_cloud_models: model.map(|model_unique_name| HasFeatureAccessAllowedCloudModelsContext {
            model_unique_name,
            schema: None,
        }),
        denied_workstream_pattern_engine_source: app.map(|application| SourceContext {
            application,
            bundle_identifier: bundle,
            schema: None,
        }),
        denied_workstream_pattern_engine_website: site
            .map(|website| WebsiteContext { website, schema: None }),
        processing: processing
            .map(|processing| HasFeatureAccessProcessingContext { processing, schema: None }),
        schema: None,
    };
    (context != HasFeatureAccessContext::default()).then_some(context)
}

/// The daemon names members of the context; here they are options.
fn in_terms_of_options(error: Error) -> anyhow::Error {
    let Some(FeatureInput::ForeignContext { expected, feature }) = error.feature_input else {
        return error.into();
    };
    let option = match expected {
        "allowedCloudModels" => "--model MODEL",
        "deniedWorkstreamPatternEngineSource" => "--app APP",
        "deniedWorkstreamPatternEngineWebsite" => "--site URL",
        "processing" => "--processing PLACE",
        _ => {
            return Failure::error(
                format!("{feature} is asked without a resource"),
                format!("`usher access {feature}`"),
            );
        }
    };
    Failure::error(
        format!("{feature} is not about such a resource"),
        format!("`usher access {feature} {option}`"),
    )
}

/// With a resource the verdict is on it. Without one, a deny list denies nothing by being in force, and any other
/// feature must be enabled.
fn is_allowed(feature: Feature, has_context: bool, answer: &HasFeatureAccessOutput) -> bool {
    let is_deny_list = matches!(
        feature,
        Feature::DeniedWorkstreamPatternEngineSources | Feature::DeniedWorkstreamPatternEngineWebsites
    );
    answer.can_use && (has_context || is_deny_list || answer.enabled)
}

fn show(is_allowed: bool, answer: &HasFeatureAccessOutput) -> anyhow::Result<()> {
    let verdict = if is_allowed { "allowed" } else { "denied" };
    match &answer.reason {
        Some(reason) => print::line(format_args!("{verdict}: {}", clean(reason)))?,
        None => print::line(verdict)?,
    }
    let Some(decision) = &answer.decision else { return Ok(()) };
    let mut members = vec![("rule", clean(&decision.rule))];
    if let Some(entity) = &decision.entity {
        members
            .push(("entity", format!("{} ({}, {})", clean(&entity.name), entity.r#type, clean(&entity.id))));
    }
    if let Some(compared) = &decision.compared {
        members.push(("compared", clean(compared)));
    }
    if let Some(as_of) = &decision.as_of {
        let stale = if decision.stale == Some(true) { ", may be outdated" } else { "" };
        members.push(("as of", format!("{as_of}{stale}")));
    }
    print::members(members)
}
