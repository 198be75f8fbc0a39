//! What to look for in the access log.

use crate::pseudonym::SubjectTag;
use std::fmt;

/// What to look for. Every part that is there must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Earliest time, RFC 3339.
    pub from: Option<String>,
    /// Time before which, RFC 3339.
    pub until: Option<String>,
    /// Who asked.
    pub caller: Option<String>,
    /// For whom.
    pub organisation: Option<String>,
    /// What for.
    pub purpose: Option<String>,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// What was told.
    pub outcome: Option<String>,
    /// Which kind of entry.
    pub kind: Option<String>,
    /// Which alarm it raised; `any`: whichever.
    pub alarm: Option<String>,
    /// About the subject who has one of these tags.
    pub tags: Option<Vec<SubjectTag>>,
}

/// A part of an entry that can be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Countable(&'static str);

impl Countable {
    /// All of them. `day` is that of the entry's time, UTC.
    pub const ALL: [&'static str; 11] = [
        "caller",
        "organisation",
        "role",
        "purpose",
        "agreement",
        "case_reference",
        "outcome",
        "kind",
        "refusal",
        "policy_version",
        "day",
    ];

    /// By name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known == name).map(Self)
    }

    /// Its name, which is that of the part's key save for `day`.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl Filter {
    /// Everything but the tags, in the order of the fields: what the statements of every engine have places for.
    pub(super) fn texts(&self) -> [Option<&str>; 9] {
        [
            &self.from,
            &self.until,
            &self.caller,
            &self.organisation,
            &self.purpose,
            &self.agreement,
            &self.outcome,
            &self.kind,
            &self.alarm,
        ]
        .map(Option::as_deref)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 9] =
            ["from", "until", "caller", "organisation", "purpose", "agreement", "outcome", "kind", "alarm"];
        let mut set: Vec<String> =
            NAMES.iter().zip(self.texts()).filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect();
        if self.tags.is_some() {
            // Who it is stands in the subject part.
            set.push("one subject".to_owned());
        }
        f.write_str(if set.is_empty() { "everything" } else { "" })?;
        f.write_str(&set.join(" "))
    }
}
