//! What has become of each warrant.

use crate::{
    control::{About, Event},
    ids::{AgreementId, ApproverId, WarrantId},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// All warrants there are.
#[derive(Debug, Clone, Default)]
pub struct Warrants(BTreeMap<WarrantId, Arc<Warrant>>);

/// What a warrant says. Subjects are kept under names of their own, which are in no dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The court that issued it.
    pub court: String,
    /// The court's reference.
    pub reference: String,
    /// Under which agreement it is used.
    pub agreement: AgreementId,
    /// For which case: a request names exactly this one.
    pub case_reference: String,
    /// Whom it is about: names, hexadecimal.
    pub subjects: BTreeSet<String>,
    /// What may be seen.
    pub fields: BTreeSet<String>,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub until: Date,
    /// How many answers may be given.
    pub uses: u64,
}

/// A warrant.
#[derive(Debug, Clone)]
pub struct Warrant {
    /// Its name.
    pub id: WarrantId,
    /// What it says.
    pub terms: Terms,
    /// Who registered it.
    pub registered_by: ApproverId,
    /// Who entered it again.
    pub confirmed_by: Option<ApproverId>,
    /// It was revoked.
    pub revoked: bool,
    /// Answers given.
    pub used: u64,
    events: u64,
}

/// What happens to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Somebody registered it.
    Registered {
        /// Who.
        by: ApproverId,
        /// What it says.
        terms: Terms,
    },
    /// Somebody else entered the same.
    Confirmed {
        /// Who.
        by: ApproverId,
    },
    /// Somebody revoked it.
    Revoked {
        /// Who.
        by: ApproverId,
    },
    /// An answer was given.
    Used,
}

impl Warrants {
    /// Takes in what happened next; whether it fits what happened before. One about which something stands that does not hold, or is none
    /// of this, counts as revoked: nothing more is recorded about it either.
    pub(crate) fn take(&mut self, id: &WarrantId, number: u64, what: Option<What>) -> bool {
        let Some(known) = self.0.get_mut(id) else {
            let Some(What::Registered { by, terms }) = what.filter(|_| number == 1) else { return false };
            let warrant = Warrant {
                id: id.clone(),
                terms,
                registered_by: by,
                confirmed_by: None,
                revoked: false,
                used: 0,
                events: 1,
            };
            return self.0.insert(id.clone(), Arc::new(warrant)).is_none();
        };
        let known = Arc::make_mut(known);
        let what = what.filter(|_| known.next() == number);
        known.events += 1;
        match what {
            Some(What::Confirmed { by }) if by != known.registered_by => known.confirmed_by = Some(by),
            Some(What::Revoked { .. }) => known.revoked = true,
            Some(What::Used) => known.used += 1,
            _ => {
                known.revoked = true;
                return false;
            }
        }
        true
    }

    /// One warrant.
    pub fn get(&self, id: &str) -> Option<&Arc<Warrant>> {
        WarrantId::try_from(id).ok().and_then(|id| self.0.get(&id))
    }
}

impl Warrant {
    /// The number of what happens next.
    fn next(&self) -> u64 {
        self.events + 1
    }

    /// What happens next.
    pub(crate) fn event(&self, what: What) -> Event {
        Event::new(About::Warrant(self.id.clone()), self.next(), &what)
    }

    /// Whether an answer may be given under it, on that day, for that case.
    pub fn covers(&self, agreement: &AgreementId, case_reference: &str, today: Date) -> bool {
        let Terms { agreement: own, case_reference: case, from, until, uses, .. } = &self.terms;
        let stands = self.confirmed_by.is_some() && !self.revoked && self.used < *uses;
        stands && own == agreement && case == case_reference && *from <= today && today <= *until
    }
}
