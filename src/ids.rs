//! Names of things, one type each, so that none can be passed for another.

use std::{fmt, sync::Arc};

/// A name that did not have the form every name has: 1 to 128 of `A-Z a-z 0-9 . _ @ : -`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 128 ASCII letters, digits or one of `.`, `_`, `@`, `:`, `-`")]
pub struct InvalidName;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(raw: &str) -> Result<Self, InvalidName> {
                if is_name(raw) { Ok(Self(raw.into())) } else { Err(InvalidName) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = String::deserialize(deserializer)?;
                Self::try_from(raw.as_str()).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// A dataset of the catalogue: `people`.
    DatasetId;
    /// An agreement: `sojp-isolation`.
    AgreementId;
    /// An organisation, a party of agreements: `states-of-jersey-police`.
    OrganisationId;
    /// A person or system of an organisation, as its identity provider calls it.
    CallerId;
    /// A role of the closed list in `roles.toml`.
    Role;
    /// A purpose of the closed list in `roles.toml`.
    Purpose;
    /// A person who approves agreements, as `approvers.toml` names it.
    ApproverId;
    /// A warrant, as the broker that registered it calls it.
    WarrantId;
    /// A restriction, as the broker that recorded it calls it.
    RestrictionId;
    /// A broker, as it calls itself in the access log.
    BrokerId;
}

fn is_name(raw: &str) -> bool {
    (1..=128).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@:-".contains(&b))
}
