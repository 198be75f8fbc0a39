//! Who is watched, and who may look them up all the same.

use crate::{
    access_log::Who,
    control::{About, Event},
    ids::{AgreementId, ApproverId, CallerId, OrganisationId},
    telemetry::alarm::Alarm,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// All subjects that are watched, by names of their own, which are in no dataset.
#[derive(Debug, Clone, Default)]
pub struct Watched(HashMap<String, Arc<Watch>>);

/// Why one subject is watched.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    reasons: BTreeSet<Why>,
    leaves: Vec<(u64, Leave)>,
    events: u64,
    /// Something stands about it that is not understood, as of a later version.
    broken: bool,
}

/// A reason to watch a subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Why {
    /// Many are curious about it.
    Protected,
    /// It is nobody, and nobody has a reason to ask.
    Honey,
    /// It is this caller.
    Own {
        /// Of which organisation.
        organisation: OrganisationId,
        /// Who.
        caller: CallerId,
    },
}

/// That a second person allows one look-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Who allows it.
    pub by: ApproverId,
    /// Of which organisation.
    pub organisation: OrganisationId,
    /// Who may look the subject up.
    pub caller: CallerId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// For which case.
    pub case_reference: String,
    /// The last day.
    pub until: Date,
    /// Why.
    pub reason: String,
}

/// What happens to a watched subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// It is watched, for this reason.
    Watched {
        /// Who says so.
        by: ApproverId,
        /// Why.
        why: Why,
    },
    /// For this reason no longer.
    Unwatched {
        /// Who says so.
        by: ApproverId,
        /// Why it was.
        why: Why,
    },
    /// A look-up is allowed.
    Allowed(Leave),
    /// It was made: which event allowed it.
    LookedUp {
        /// Its number.
        leave: u64,
    },
}

impl Watched {
    /// Takes in what happened next to a subject; whether it fits what happened before. One about which something stands that does not hold
    /// is out of reach of everybody.
    pub(crate) fn take(&mut self, name: &str, number: u64, what: Option<What>) -> bool {
        let watch = Arc::make_mut(self.0.entry(name.to_owned()).or_default());
        let what = what.filter(|_| watch.events + 1 == number);
        watch.events += 1;
        match what {
            Some(What::Watched { why, .. }) => watch.reasons.insert(why),
            Some(What::Unwatched { why, .. }) => watch.reasons.remove(&why),
            Some(What::Allowed(leave)) => {
                watch.leaves.push((number, leave));
                true
            }
            Some(What::LookedUp { leave }) => {
                let left = watch.leaves.len();
                watch.leaves.retain(|(number, _)| *number != leave);
                left > watch.leaves.len()
            }
            None => {
                watch.broken = true;
                false
            }
        }
    }

    /// Whether nothing ever stood about anybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What stands about a subject; none: nothing, ever.
    pub fn get(&self, name: &str) -> Option<&Arc<Watch>> {
        self.0.get(name)
    }
}

impl Watch {
    /// Whether it is watched for that reason.
    pub fn is_watched(&self, why: &Why) -> bool {
        self.reasons.contains(why)
    }

    /// What a look-up by this caller raises.
    pub fn alarms(&self, who: &Who) -> Vec<Alarm> {
        let alarm = |why: &Why| match why {
            Why::Protected => Some(Alarm::Protected),
            Why::Honey => Some(Alarm::Honey),
            Why::Own { organisation, caller } if *organisation == who.organisation => {
                Some(if *caller == who.caller { Alarm::Own } else { Alarm::Colleague })
            }
            Why::Own { .. } => None,
        };
        let alarms: BTreeSet<_> = self.reasons.iter().filter_map(alarm).collect();
        alarms.into_iter().collect()
    }

    /// Whether this caller needs a second person.
    pub fn needs_leave(&self, who: &Who) -> bool {
        let alarms = self.alarms(who);
        self.broken || alarms.contains(&Alarm::Protected) || alarms.contains(&Alarm::Own)
    }

    /// The leave that this caller has for that case on that day, with its number.
    pub fn leave(&self, who: &Who, case_reference: &str, today: Date) -> Option<(u64, &Leave)> {
        let fits = |leave: &Leave| {
            let same = leave.organisation == who.organisation && leave.caller == who.caller;
            same && Some(&leave.agreement) == who.agreement.as_ref()
                && leave.case_reference == case_reference
                && today <= leave.until
        };
        let found = self.leaves.iter().find(|(_, leave)| fits(leave)).filter(|_| !self.broken);
        found.map(|(number, leave)| (*number, leave))
    }

    /// What happens next to the subject of that name.
    pub(crate) fn event(&self, name: &str, what: What) -> Event {
        Event::new(About::Subject(name.to_owned()), self.events + 1, &what)
    }
}
