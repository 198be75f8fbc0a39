//! What to look for in the access log.

use crate::pseudonym::SubjectTag;
use sqlx::{Sqlite, query::Query, sqlite::SqliteArguments};
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
    /// About the subject who has one of these tags.
    pub tags: Option<Vec<SubjectTag>>,
}

/// A part of an entry that can be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Countable(pub(super) &'static str);

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
}

// The filter looks into the part that is hashed, not at columns beside it that could say something else.
macro_rules! matching {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " WHERE (?1 IS NULL OR actor ->> '$.time' >= ?1) AND (?2 IS NULL OR actor ->> '$.time' < ?2)",
            " AND (?3 IS NULL OR actor ->> '$.caller' = ?3) AND (?4 IS NULL OR actor ->> '$.organisation' = ?4)",
            " AND (?5 IS NULL OR actor ->> '$.purpose' = ?5) AND (?6 IS NULL OR actor ->> '$.agreement' = ?6)",
            " AND (?7 IS NULL OR actor ->> '$.outcome' = ?7) AND (?8 IS NULL OR actor ->> '$.kind' = ?8)",
            " AND (?9 IS NULL OR subject ->> '$.tag' IN (SELECT value FROM json_each(?9))) ",
            $rest
        )
    };
}
pub(super) use matching;

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("from", &self.from),
            ("until", &self.until),
            ("caller", &self.caller),
            ("organisation", &self.organisation),
            ("purpose", &self.purpose),
            ("agreement", &self.agreement),
            ("outcome", &self.outcome),
            ("kind", &self.kind),
        ];
        let mut set: Vec<String> =
            parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value).as_ref()?))).collect();
        if self.tags.is_some() {
            // Who it is stands in the subject part.
            set.push("one subject".to_owned());
        }
        f.write_str(if set.is_empty() { "everything" } else { "" })?;
        f.write_str(&set.join(" "))
    }
}

pub(super) type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

/// With the filter's parts in the places that `matching!` has for them.
pub(super) fn bound<'q>(query: SqliteQuery<'q>, filter: &'q Filter) -> SqliteQuery<'q> {
    let texts = [
        &filter.from,
        &filter.until,
        &filter.caller,
        &filter.organisation,
        &filter.purpose,
        &filter.agreement,
        &filter.outcome,
        &filter.kind,
    ];
    let query = texts.into_iter().fold(query, |query, text| query.bind(text.as_deref()));
    let tags = filter.tags.as_ref().map(|tags| {
        let quoted: Vec<String> = tags.iter().map(|tag| format!("\"{}\"", tag.as_str())).collect();
        format!("[{}]", quoted.join(","))
    });
    query.bind(tags)
}
