//! The question put to a policy: whether its context fits the feature, and what in it is to be compared.

use usher_wire::{
    CapabilitiesEnum, Code, Error, FeatureInput, HasFeatureAccessContext, HasFeatureAccessEnum,
    HasFeatureAccessInput, Result,
};

use super::matching::Website;

/// What the feature would be used on.
#[derive(Debug)]
pub(crate) enum Subject<'a> {
    /// A cloud model, by its unique name.
    Model(&'a str),
    /// An application that would be captured.
    Source { application: &'a str, bundle: Option<&'a str> },
    /// A website that would be captured, as sent and as read.
    Website { text: &'a str, website: Website },
    /// A place of processing.
    Processing(CapabilitiesEnum),
}

impl<'a> Subject<'a> {
    /// The subject as it was sent.
    pub(crate) fn text(&self) -> &'a str {
        match self {
            Subject::Model(text)
            | Subject::Source { application: text, .. }
            | Subject::Website { text, .. } => text,
            Subject::Processing(place) => place.as_str(),
        }
    }
}

/// Checks the input; `None` when it asks for the feature as a whole.
pub(crate) fn subject(input: &HasFeatureAccessInput) -> Result<Option<Subject<'_>>> {
    let feature = input.feature;
    if feature == HasFeatureAccessEnum::Unknown {
        return Err(Error::new(
            Code::NotFound,
            "there is no such feature: ask for one of the API description",
        ));
    }
    let Some(context) = &input.context else { return Ok(None) };
    if let Some(subject) = own(feature, context) {
        return subject.map(Some);
    }
    match (member(feature), has_members(context)) {
        (expected, true) => Err(foreign(feature, expected)),
        (Some(expected), false) => Err(bad(
            "missing_context",
            format!("{feature} takes `context.{expected}`: send it, or no context"),
        )),
        (None, false) => Ok(None),
    }
}

/// Wire name of the context member a feature takes.
fn member(feature: HasFeatureAccessEnum) -> Option<&'static str> {
    use HasFeatureAccessEnum as Feature;
    match feature {
        Feature::AllowedCloudModels => Some("allowedCloudModels"),
        Feature::DeniedWorkstreamPatternEngineSources => Some("deniedWorkstreamPatternEngineSource"),
        Feature::DeniedWorkstreamPatternEngineWebsites => Some("deniedWorkstreamPatternEngineWebsite"),
        Feature::ExternalProviderProcessing => Some("processing"),
        _ => None,
    }
}

fn has_members(context: &HasFeatureAccessContext) -> bool {
    context.allowed_cloud_models.is_some()
        || context.denied_workstream_pattern_engine_source.is_some()
        || context.denied_workstream_pattern_engine_website.is_some()
        || context.processing.is_some()
}

/// The feature's own member, read; `None` when the context does not have it.
fn own(feature: HasFeatureAccessEnum, context: &HasFeatureAccessContext) -> Option<Result<Subject<'_>>> {
    use HasFeatureAccessEnum as Feature;
    match feature {
        Feature::AllowedCloudModels => context.allowed_cloud_models.as_ref().map(|sent| {
            let model = filled(&sent.model_unique_name, "allowedCloudModels.modelUniqueName")?;
            Ok(Subject::Model(model))
        }),
        Feature::DeniedWorkstreamPatternEngineSources => {
            context.denied_workstream_pattern_engine_source.as_ref().map(|sent| {
                let application =
                    filled(&sent.application, "deniedWorkstreamPatternEngineSource.application")?;
                // Clients without bundles send the optional member empty; that matches no entry.
                let bundle = sent.bundle_identifier.as_deref().map(str::trim);
                Ok(Subject::Source { application, bundle })
            })
        }
        Feature::DeniedWorkstreamPatternEngineWebsites => {
            context.denied_workstream_pattern_engine_website.as_ref().map(|sent| website(&sent.website))
        }
        Feature::ExternalProviderProcessing => {
            context.processing.as_ref().map(|sent| match sent.processing {
                CapabilitiesEnum::Unknown => Err(bad(
                    "invalid_context",
                    "`context.processing.processing` is LOCAL, CLOUD or BLENDED".to_owned(),
                )),
                known => Ok(Subject::Processing(known)),
            })
        }
        _ => None,
    }
}

fn website(sent: &str) -> Result<Subject<'_>> {
    const PATH: &str = "deniedWorkstreamPatternEngineWebsite.website";
    let text = filled(sent, PATH)?;
    let website = Website::parse(text).ok_or_else(|| {
        bad("invalid_context", format!("`context.{PATH}` is not a URL: send one with a host"))
    })?;
    Ok(Subject::Website { text, website })
}

/// The value without blanks around it, unless nothing is left.
fn filled<'a>(value: &'a str, path: &str) -> Result<&'a str> {
    let value = value.trim();
    if value.is_empty() {
        return Err(bad("invalid_context", format!("`context.{path}` is empty: send what is to be checked")));
    }
    Ok(value)
}

fn bad(word: &'static str, message: String) -> Error {
    Error { feature_input: Some(FeatureInput::Bad(word)), ..Error::invalid_body(message) }
}

fn foreign(feature: HasFeatureAccessEnum, expected: Option<&'static str>) -> Error {
    let message = match expected {
        Some(expected) => {
            format!("this context belongs to another feature: {feature} takes `context.{expected}`")
        }
        None => format!("this context belongs to another feature: {feature} takes none"),
    };
    let input =
        FeatureInput::ForeignContext { expected: expected.unwrap_or("none"), feature: feature.as_str() };
    Error { feature_input: Some(input), ..Error::invalid_body(message) }
}
