//! How far law enforcement reaches: a required property of each dataset and each category, so that no name decides it (CS4).

use serde::Deserialize;

/// How far law enforcement reaches. Of two, the later one is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LawEnforcement {
    /// As far as policy and agreement let it.
    Open,
    /// With a warrant that names subject and field, and not otherwise.
    Warrant,
    /// Never: no warrant, agreement or broken glass opens it.
    Never,
}

impl LawEnforcement {
    /// As the catalogue and red lines name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Warrant => "warrant",
            Self::Never => "never",
        }
    }
}

/// What a category of the catalogue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// How far law enforcement reaches.
    pub law_enforcement: LawEnforcement,
    /// It is special category data (GO5).
    #[serde(default)]
    pub special: bool,
}
