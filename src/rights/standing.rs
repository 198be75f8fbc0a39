//! Whose data may not be used, and why.

use crate::{
    control::{About, Event},
    ids::RestrictionId,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// All subjects about whom a restriction ever stood, by names of their own, which are in no dataset.
#[derive(Debug, Clone, Default)]
pub struct Restricted(HashMap<String, Arc<OfSubject>>);

/// The restrictions of one subject that stand.
#[derive(Debug, Clone, Default)]
pub struct OfSubject {
    standing: BTreeMap<RestrictionId, Restriction>,
    events: u64,
    /// Something stands here that is not understood, as of a later version.
    broken: bool,
}

/// What a restriction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// Why.
    pub ground: Ground,
    /// The day on which it began.
    pub since: Date,
}

/// Why the use of what is held is restricted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Article 33(1)(a).
    AccuracyContested,
    /// Article 33(1)(b).
    UnlawfulUse,
    /// Article 33(1)(c).
    LegalClaims,
    /// Article 33(1)(d).
    Objection,
    /// Guernsey, section 15(6).
    Evidence,
}

/// What happens to a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A restriction begins.
    Restricted {
        /// Its name.
        id: RestrictionId,
        /// What it says.
        restriction: Restriction,
    },
    /// It ends.
    Lifted {
        /// Its name.
        id: RestrictionId,
        /// The day on which the subject was told.
        told_on: Date,
    },
}

impl Ground {
    /// As it stands in the access log.
    pub fn as_str(self) -> &'static str {
        match self {
            Ground::AccuracyContested => "accuracy_contested",
            Ground::UnlawfulUse => "unlawful_use",
            Ground::LegalClaims => "legal_claims",
            Ground::Objection => "objection",
            Ground::Evidence => "evidence",
        }
    }
}

impl Restricted {
    /// Takes in what happened next to a subject; whether it fits what happened before. One about whom something stands that does not hold
    /// is restricted from then on.
    pub(crate) fn take(&mut self, name: &str, number: u64, what: Option<What>) -> bool {
        let known = Arc::make_mut(self.0.entry(name.to_owned()).or_default());
        let what = what.filter(|_| known.events + 1 == number);
        known.events += 1;
        let fits = match what {
            Some(What::Restricted { id, restriction }) => known.standing.insert(id, restriction).is_none(),
            Some(What::Lifted { id, .. }) => known.standing.remove(&id).is_some(),
            None => false,
        };
        known.broken |= !fits;
        fits
    }

    /// What stands about a subject; none: nothing, ever.
    pub fn get(&self, name: &str) -> Option<&Arc<OfSubject>> {
        self.0.get(name)
    }

    /// Whether what is held on a subject may not be used.
    pub fn is_restricted(&self, name: &str) -> bool {
        self.get(name).is_some_and(|known| known.broken || !known.standing.is_empty())
    }
}

impl OfSubject {
    /// A restriction that stands and can be lifted. Where something is not understood, that may be about this one.
    pub fn liftable(&self, id: &RestrictionId) -> Option<&Restriction> {
        self.standing.get(id).filter(|_| !self.broken)
    }

    /// All that stand, the oldest first.
    pub fn all(&self) -> Vec<(&RestrictionId, &Restriction)> {
        let mut all: Vec<_> = self.standing.iter().collect();
        all.sort_by_key(|(_, restriction)| restriction.since);
        all
    }

    /// Whether something stands besides that this broker does not understand.
    pub fn is_unclear(&self) -> bool {
        self.broken
    }

    /// What happens next to the subject of that name.
    pub(crate) fn event(&self, name: &str, what: &What) -> Event {
        Event::new(About::Restriction(name.to_owned()), self.events + 1, what)
    }
}
