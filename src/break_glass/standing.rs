//! Who broke glass, and whether that was reviewed.

use crate::{
    control::{About, Event},
    ids::{AgreementId, ApproverId, CallerId, OrganisationId, Role},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};

/// All uses, by caller.
#[derive(Debug, Clone, Default)]
pub struct Uses(HashMap<(OrganisationId, CallerId), Arc<OfCaller>>);

/// What a caller did.
#[derive(Debug, Clone, Default)]
pub struct OfCaller {
    /// What was not reviewed yet, with its number.
    unreviewed: Option<(u64, Arc<Use>)>,
    events: u64,
    /// Something stands here that is not understood, as of a later version.
    broken: bool,
}

/// That somebody broke glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// For whom: a name of its own, hexadecimal.
    pub subject: String,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// In which role.
    pub role: Role,
    /// For which case.
    pub case_reference: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Glass is broken.
    Broken(Use),
    /// That was looked at, which ends it.
    Reviewed {
        /// By whom.
        by: ApproverId,
        /// Whether there was reason to do it.
        justified: bool,
        /// What the reviewer says of it.
        words: String,
    },
}

impl Uses {
    /// Takes in what happened next; whether it fits what happened before. Where something stands that does not hold, the caller breaks no
    /// glass.
    pub(crate) fn take(&mut self, caller: (&OrganisationId, &CallerId), number: u64, what: Option<What>) -> bool {
        let known = Arc::make_mut(self.0.entry((caller.0.clone(), caller.1.clone())).or_default());
        let what = what.filter(|_| known.events + 1 == number);
        known.events += 1;
        match what {
            Some(What::Broken(used)) if known.unreviewed.is_none() => known.unreviewed = Some((number, Arc::new(used))),
            Some(What::Reviewed { .. }) if known.unreviewed.is_some() => known.unreviewed = None,
            _ => {
                known.broken = true;
                return false;
            }
        }
        true
    }

    /// What a caller did; none: nothing, ever.
    pub fn of(&self, organisation: &OrganisationId, caller: &CallerId) -> Option<&Arc<OfCaller>> {
        self.0.get(&(organisation.clone(), caller.clone()))
    }

    /// All that were not reviewed yet, and whose.
    pub fn unreviewed(&self) -> impl Iterator<Item = (&OrganisationId, &CallerId, &Use)> {
        self.0.iter().filter_map(|((organisation, caller), known)| {
            known.unreviewed.as_ref().map(|(_, used)| (organisation, caller, &**used))
        })
    }
}

impl OfCaller {
    /// What is not reviewed yet, with its number.
    pub fn unreviewed(&self) -> Option<(u64, &Arc<Use>)> {
        self.unreviewed.as_ref().filter(|_| !self.broken).map(|(number, used)| (*number, used))
    }

    /// Whether glass may be broken again.
    pub fn may_again(&self) -> bool {
        self.unreviewed.is_none() && !self.broken
    }

    /// What happens next.
    pub(crate) fn event(&self, caller: (&OrganisationId, &CallerId), what: What) -> Event {
        let about = About::Caller(caller.0.clone(), caller.1.clone());
        Event::new(about, self.events + 1, &what)
    }
}

impl Use {
    /// Whether it is for that agreement, role and case.
    pub fn covers(&self, agreement: &AgreementId, role: &str, case_reference: &str) -> bool {
        self.agreement == *agreement && self.role.as_str() == role && self.case_reference == case_reference
    }
}
