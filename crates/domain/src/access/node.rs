//! Where a feature stands in the configuration of an entity, and what stands there says about a resource.

use usher_wire::{
    CapabilitiesEnum, HasFeatureAccessEnum as Feature, InstanceConfiguration,
    InstanceConfigurationAllowedModel, InstanceConfigurationDeniedWorkstreamPatternEngineSource,
    InstanceConfigurationDeniedWorkstreamPatternEngineWebsite, InstanceConfigurationEnabledEnum,
    InstanceConfigurationExternalProvider,
};

use super::{matching, question::Subject};

/// What one entity says about a feature.
pub(crate) struct Node<'a> {
    /// Its toggle.
    pub(crate) enabled: InstanceConfigurationEnabledEnum,
    /// What it says about single resources.
    limit: Limit<'a>,
}

/// The part of a node that speaks of single resources.
enum Limit<'a> {
    /// Nothing.
    Free,
    /// These models only.
    Models(&'a [InstanceConfigurationAllowedModel]),
    /// All but these applications.
    Sources(&'a [InstanceConfigurationDeniedWorkstreamPatternEngineSource]),
    /// All but these websites.
    Websites(&'a [InstanceConfigurationDeniedWorkstreamPatternEngineWebsite]),
    /// This place only.
    Processing(CapabilitiesEnum),
}

/// What a node says about a subject.
pub(crate) enum Ruling<'a> {
    /// It does not speak of it.
    Silent,
    /// It permits it.
    Permitted,
    /// It refuses it.
    Refused {
        /// Why.
        cause: Cause<'a>,
        /// The part of the subject that was refused.
        compared: &'a str,
    },
}

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause<'a> {
    /// The toggle has this value.
    Off(&'static str),
    /// The list of allowed models is empty.
    NoModels,
    /// The model is not on the list of allowed models.
    NotListed,
    /// This entry denies the application.
    Source(&'a str),
    /// This entry denies the website.
    Website(&'a str),
    /// Processing is limited to this value.
    Place(&'static str),
}

/// Path of the node of a feature; `None` for features without one.
pub(crate) fn path(feature: Feature) -> Option<&'static str> {
    Some(match feature {
        Feature::ConnectToCloud => "externalCloud.connectToCloud",
        Feature::UpdateAllocationCloud => "externalCloud.updateAllocationCloud",
        Feature::ReconnectToCloud => "externalCloud.reconnectToCloud",
        Feature::ShareSnippet => "externalCloud.shareSnippet",
        Feature::CloudBackupCreation => "externalCloud.cloudBackupCreation",
        Feature::ListCloudBackups => "externalCloud.listCloudBackups",
        Feature::ListSpecificCloudBackup => "externalCloud.listSpecificCloudBackup",
        Feature::RestoreCloudBackup => "externalCloud.restoreCloudBackup",
        Feature::DeleteCloudBackup => "externalCloud.deleteCloudBackup",
        Feature::BigQuery => "analytics.bigQuery",
        Feature::Segment => "analytics.segment",
        Feature::SendInternalSummaryReportsToUserTeamService => {
            "analytics.sendInternalSummaryReportsToUserTeamService"
        }
        Feature::AllowedCloudModels => "externalProvider.allowedCloudModels",
        Feature::DeniedWorkstreamPatternEngineSources => {
            "externalProvider.deniedWorkstreamPatternEngineSources"
        }
        Feature::DeniedWorkstreamPatternEngineWebsites => {
            "externalProvider.deniedWorkstreamPatternEngineWebsites"
        }
        Feature::ExternalProviderProcessing => "externalProvider.processing",
        Feature::IpLookup | Feature::Sentry | Feature::CustomAnalytics | Feature::Unknown => return None,
    })
}

/// Path of what a feature's node says about single resources; for the others the path of the node.
pub(crate) fn limit_path(feature: Feature) -> Option<&'static str> {
    match feature {
        Feature::AllowedCloudModels => Some("externalProvider.allowedCloudModels.allowedModels"),
        Feature::DeniedWorkstreamPatternEngineSources => {
            Some("externalProvider.deniedWorkstreamPatternEngineSources.deniedSources")
        }
        Feature::DeniedWorkstreamPatternEngineWebsites => {
            Some("externalProvider.deniedWorkstreamPatternEngineWebsites.deniedWebsites")
        }
        Feature::ExternalProviderProcessing => Some("externalProvider.processing.processing"),
        _ => path(feature),
    }
}

impl<'a> Node<'a> {
    /// The node of a feature; `None` when the configuration does not have it.
    pub(crate) fn find(configuration: &'a InstanceConfiguration, feature: Feature) -> Option<Self> {
        let cloud = configuration.external_cloud.as_ref();
        let analytics = configuration.analytics.as_ref();
        let enabled = match feature {
            Feature::ConnectToCloud => cloud?.connect_to_cloud.as_ref()?.enabled,
            Feature::UpdateAllocationCloud => cloud?.update_allocation_cloud.as_ref()?.enabled,
            Feature::ReconnectToCloud => cloud?.reconnect_to_cloud.as_ref()?.enabled,
            Feature::ShareSnippet => cloud?.share_snippet.as_ref()?.enabled,
            Feature::CloudBackupCreation => cloud?.cloud_backup_creation.as_ref()?.enabled,
            Feature::ListCloudBackups => cloud?.list_cloud_backups.as_ref()?.enabled,
            Feature::ListSpecificCloudBackup => cloud?.list_specific_cloud_backup.as_ref()?.enabled,
            Feature::RestoreCloudBackup => cloud?.restore_cloud_backup.as_ref()?.enabled,
            Feature::DeleteCloudBackup => cloud?.delete_cloud_backup.as_ref()?.enabled,
            Feature::BigQuery => analytics?.big_query.as_ref()?.enabled,
            Feature::Segment => analytics?.segment.as_ref()?.enabled,
            Feature::SendInternalSummaryReportsToUserTeamService => {
                analytics?.send_internal_summary_reports_to_user_team_service.as_ref()?.enabled
            }
            Feature::AllowedCloudModels
            | Feature::DeniedWorkstreamPatternEngineSources
            | Feature::DeniedWorkstreamPatternEngineWebsites
            | Feature::ExternalProviderProcessing => {
                return Self::with_limit(configuration.external_provider.as_ref()?, feature);
            }
            Feature::IpLookup | Feature::Sentry | Feature::CustomAnalytics | Feature::Unknown => return None,
        };
        Some(Self { enabled, limit: Limit::Free })
    }

    fn with_limit(provider: &'a InstanceConfigurationExternalProvider, feature: Feature) -> Option<Self> {
        let (enabled, limit) = match feature {
            Feature::AllowedCloudModels => {
                let node = provider.allowed_cloud_models.as_ref()?;
                (node.enabled, node.allowed_models.as_ref().map(|list| Limit::Models(&list.iterable)))
            }
            Feature::DeniedWorkstreamPatternEngineSources => {
                let node = provider.denied_workstream_pattern_engine_sources.as_ref()?;
                (node.enabled, node.denied_sources.as_ref().map(|list| Limit::Sources(&list.iterable)))
            }
            Feature::DeniedWorkstreamPatternEngineWebsites => {
                let node = provider.denied_workstream_pattern_engine_websites.as_ref()?;
                (node.enabled, node.denied_websites.as_ref().map(|list| Limit::Websites(&list.iterable)))
            }
            _ => {
                let node = provider.processing.as_ref()?;
                (node.enabled, node.processing.map(Limit::Processing))
            }
        };
        Some(Self { enabled, limit: limit.unwrap_or(Limit::Free) })
    }

    /// What the node, its toggle aside, says about a subject.
    pub(crate) fn ruling(&self, subject: &'a Subject<'a>) -> Ruling<'a> {
        let refused = match (&self.limit, subject) {
            (Limit::Models(allowed), Subject::Model(model)) => {
                not_allowed(allowed, model).map(|cause| (cause, *model))
            }
            (Limit::Sources(denied), Subject::Source { application, bundle }) => {
                denied_source(denied, application, *bundle)
            }
            (Limit::Websites(denied), Subject::Website { text, website }) => {
                let within =
                    denied.iter().map(|entry| entry.url.as_str()).filter(|entry| website.is_within(entry));
                within.min().map(|entry| (Cause::Website(entry), *text))
            }
            (Limit::Processing(place), Subject::Processing(wanted)) => {
                let permitted = *place == CapabilitiesEnum::Blended || place == wanted;
                (!permitted).then(|| (Cause::Place(place.as_str()), wanted.as_str()))
            }
            _ => return Ruling::Silent,
        };
        match refused {
            Some((cause, compared)) => Ruling::Refused { cause, compared },
            None => Ruling::Permitted,
        }
    }
}

fn not_allowed<'a>(allowed: &[InstanceConfigurationAllowedModel], model: &str) -> Option<Cause<'a>> {
    if allowed.is_empty() {
        return Some(Cause::NoModels);
    }
    (!allowed.iter().any(|entry| entry.unique.trim() == model)).then_some(Cause::NotListed)
}

/// The first text, in alphabetical order, that denies the application or its bundle, and which of the two.
fn denied_source<'a>(
    denied: &'a [InstanceConfigurationDeniedWorkstreamPatternEngineSource],
    application: &'a str,
    bundle: Option<&'a str>,
) -> Option<(Cause<'a>, &'a str)> {
    let names = denied
        .iter()
        .filter_map(|entry| entry.application.as_deref())
        .filter(|entry| matching::same_application(entry, application))
        .map(|entry| (Cause::Source(entry), application));
    let bundles = bundle.into_iter().flat_map(|bundle| {
        denied
            .iter()
            .filter_map(|entry| entry.bundle_identifiers.as_ref())
            .flatten()
            .filter(move |entry| matching::same_bundle(entry, bundle))
            .map(move |entry| (Cause::Source(entry), bundle))
    });
    names.chain(bundles).min()
}
