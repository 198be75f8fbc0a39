//! How much may be told under an agreement in a day, in the currency that matters: subjects and records, not requests (R21).

use serde::Deserialize;

/// How much may be told in a day of the island's; what is left out has no limit.
///
/// Subjects are counted by caller: one about whom two callers ask counts twice. Otherwise a denial would tell one of them about whom
/// the other asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Distinct subjects that one caller may ask about.
    pub subjects_per_caller_per_day: Option<u64>,
    /// The same for all callers of one organisation together.
    pub subjects_per_organisation_per_day: Option<u64>,
    /// The same for everybody under the agreement.
    pub subjects_per_day: Option<u64>,
    /// With so many records told a caller is told no more.
    pub records_per_caller_per_day: Option<u64>,
    /// The same for all callers of one organisation together.
    pub records_per_organisation_per_day: Option<u64>,
    /// The same for everybody under the agreement.
    pub records_per_day: Option<u64>,
}

impl Limits {
    /// What is wrong with them, if anything.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let [caller, organisation, all] = self.each();
        let grow = |of: fn(&Limit) -> Option<u64>| {
            let given: Vec<_> = [&caller, &organisation, &all].into_iter().filter_map(of).collect();
            given.is_sorted()
        };
        let none =
            [caller, organisation, all].iter().any(|limit| limit.subjects == Some(0) || limit.records == Some(0));
        if none {
            Err("one that is 0 allows nothing: it is left out, or 1 and more")
        } else if !grow(|limit| limit.subjects) || !grow(|limit| limit.records) {
            Err("what a caller may have is at most what its organisation may, and that what all may")
        } else {
            Ok(())
        }
    }

    /// Of a caller, of an organisation, of everybody.
    pub(crate) fn each(&self) -> [Limit; 3] {
        [
            Limit { subjects: self.subjects_per_caller_per_day, records: self.records_per_caller_per_day },
            Limit { subjects: self.subjects_per_organisation_per_day, records: self.records_per_organisation_per_day },
            Limit { subjects: self.subjects_per_day, records: self.records_per_day },
        ]
    }
}

/// How much may be told to some.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) subjects: Option<u64>,
    pub(crate) records: Option<u64>,
}
