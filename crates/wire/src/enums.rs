//! Enumerations of the API and the macro that declares them. A text outside an enumeration reads as
//! its `Unknown` value, so a newer peer never makes a whole document unreadable.

/// Declares an enumeration whose values are fixed texts on the wire, `Unknown` among them.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($variant:ident = $text:literal),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "` on the wire.")]
                $variant,
            )+
        }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text of this value on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The value with this text, or `Unknown`.
            pub fn from_text(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Unknown,
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::enums::TextVisitor(Self::from_text))
            }
        }

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema> {
                $crate::enums::open_enum_schema(Self::ALL.iter().map(|value| value.as_str()))
            }
        }

        impl ::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}

/// Reads a string and maps it with the function given.
pub(crate) struct TextVisitor<T>(pub(crate) fn(&str) -> T);

impl<T> serde::de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

/// The schema of an open enumeration: the known texts, or any other text.
pub(crate) fn open_enum_schema(
    known: impl Iterator<Item = &'static str>,
) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
    let known = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(known)).build();
    let any = ObjectBuilder::new().schema_type(Type::String).build();
    Schema::AnyOf(AnyOfBuilder::new().item(known).item(any).build()).into()
}

wire_enum! {
    /// State of a personal cloud or of one of its addresses.
    pub enum AllocationStatusEnum {
        Unknown = "UNKNOWN",
        Pending = "PENDING",
        Running = "RUNNING",
        Failed = "FAILED",
        Succeeded = "SUCCEEDED",
        Disconnected = "DISCONNECTED",
    }
}

wire_enum! {
    /// Where work may be done.
    pub enum CapabilitiesEnum {
        Unknown = "UNKNOWN",
        Local = "LOCAL",
        Cloud = "CLOUD",
        Blended = "BLENDED",
    }
}

wire_enum! {
    /// Version of the API a model was written for.
    pub enum EmbeddedModelSchemaSemanticVersionEnum {
        Unknown = "UNKNOWN",
        Major0Minor0Patch1 = "MAJOR_0_MINOR_0_PATCH_1",
    }
}

wire_enum! {
    /// Kind of an entity.
    pub enum EntityTypeEnum {
        Unknown = "UNKNOWN",
        Organization = "ORGANIZATION",
        Team = "TEAM",
    }
}

wire_enum! {
    /// Kind of an identity provider.
    pub enum ExternalProviderTypeEnum {
        Unknown = "UNKNOWN",
        Github = "github",
        GoogleOauth2 = "google-oauth2",
        Bitbucket = "bitbucket",
        Linkedin = "linkedin",
        Twitter = "twitter",
        Facebook = "facebook",
        Waad = "waad",
        Discord = "discord",
        Gitlab = "gitlab",
        Apple = "apple",
        UsernameEmail = "username_email",
        Slack = "slack",
        Microsoft = "microsoft",
    }
}

wire_enum! {
    /// A feature that can be asked about.
    pub enum HasFeatureAccessEnum {
        Unknown = "UNKNOWN",
        ConnectToCloud = "CONNECT_TO_CLOUD",
        UpdateAllocationCloud = "UPDATE_ALLOCATION_CLOUD",
        ReconnectToCloud = "RECONNECT_TO_CLOUD",
        ShareSnippet = "SHARE_SNIPPET",
        CloudBackupCreation = "CLOUD_BACKUP_CREATION",
        ListCloudBackups = "LIST_CLOUD_BACKUPS",
        ListSpecificCloudBackup = "LIST_SPECIFIC_CLOUD_BACKUP",
        RestoreCloudBackup = "RESTORE_CLOUD_BACKUP",
        DeleteCloudBackup = "DELETE_CLOUD_BACKUP",
        IpLookup = "IP_LOOKUP",
        Sentry = "SENTRY",
        BigQuery = "BIG_QUERY",
        Segment = "SEGMENT",
        CustomAnalytics = "CUSTOM_ANALYTICS",
        SendInternalSummaryReportsToUserTeamService = "SEND_INTERNAL_SUMMARY_REPORTS_TO_USER_TEAM_SERVICE",
        AllowedCloudModels = "ALLOWED_CLOUD_MODELS",
        DeniedWorkstreamPatternEngineSources = "DENIED_WORKSTREAM_PATTERN_ENGINE_SOURCES",
        DeniedWorkstreamPatternEngineWebsites = "DENIED_WORKSTREAM_PATTERN_ENGINE_WEBSITES",
        ExternalProviderProcessing = "EXTERNAL_PROVIDER_PROCESSING",
    }
}

wire_enum! {
    /// State of a toggle.
    pub enum InstanceConfigurationEnabledEnum {
        Unknown = "UNKNOWN",
        Enabled = "ENABLED",
        Disabled = "DISABLED",
    }
}

wire_enum! {
    /// How often a subscription is billed.
    pub enum SubscriptionTermEnum {
        Unknown = "UNKNOWN",
        Month = "month",
        Year = "year",
        Quarter = "quarter",
    }
}

wire_enum! {
    /// Operating system of an application.
    pub enum PlatformEnum {
        Unknown = "UNKNOWN",
        Web = "WEB",
        Macos = "MACOS",
        Linux = "LINUX",
        Windows = "WINDOWS",
        Fuchsia = "FUCHSIA",
        Ios = "IOS",
        Android = "ANDROID",
    }
}

wire_enum! {
    /// How much an application may collect.
    pub enum PrivacyEnum {
        Unknown = "UNKNOWN",
        Open = "OPEN",
        Closed = "CLOSED",
        Anonymous = "ANONYMOUS",
    }
}

wire_enum! {
    /// How something came to be.
    pub enum MechanismEnum {
        Unknown = "UNKNOWN",
        Manual = "MANUAL",
        Recommended = "RECOMMENDED",
        Automatic = "AUTOMATIC",
        Internal = "INTERNAL",
        Deleted = "DELETED",
        ExternalAgent = "EXTERNAL_AGENT",
    }
}
