//! Who may do what only approvers may.

use super::Approver;
use crate::{
    access::{Invalid, Unanswered},
    identity::Caller,
    policy::{self, Denial, InForce, Refusal, Terms},
};
use jiff::civil::Date;

/// Nothing was done.
#[expect(missing_debug_implementations, reason = "a denial holds names")]
pub enum NotDone {
    /// An argument is wrong, and not recorded yet.
    Invalid(Invalid),
    /// Refused, or not to be done now.
    Unanswered(Unanswered),
}

impl<E: Into<Unanswered>> From<E> for NotDone {
    fn from(error: E) -> Self {
        NotDone::Unanswered(error.into())
    }
}

/// Who a caller is as an approver on a day, if that one may.
pub(crate) fn entitled<'a>(
    in_force: &'a InForce,
    caller: &Caller,
    today: Date,
    may: impl Fn(&Approver) -> bool,
) -> Option<&'a Approver> {
    let known = in_force.policy.approvers.of_caller(caller.organisation(), caller.id());
    known.filter(|approver| may(approver) && approver.until.is_none_or(|until| today <= until))
}

/// A refusal of who is not.
pub(crate) fn denial(in_force: &InForce, caller: &Caller, terms: &Terms, trace: &str) -> Denial {
    let who = policy::known_names(in_force, caller, terms, trace);
    Denial::of_terms(Refusal::Approver, who, in_force)
}
