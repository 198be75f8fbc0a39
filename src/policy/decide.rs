//! The decision itself: closed lists, the agreement, the compiled policy and the hard rules, and no subject.

use super::{Agreement, LogUse, Policy, hard_rules};
use crate::{
    dataset::{
        Level,
        catalogue::{FieldId, RecordTypeId},
    },
    ids::{OrganisationId, Purpose, Role},
};
use jiff::civil::Date;
use std::sync::Arc;

/// Under which terms somebody asks, as they came in: nothing of it is known to be true, and nothing of it may be written down
/// before it is.
#[derive(Clone, Default)]
#[expect(missing_debug_implementations, reason = "a caller can put anything into it")]
pub struct Terms {
    /// The role asked in.
    pub role: String,
    /// What for.
    pub purpose: String,
    /// Under which agreement.
    pub agreement: String,
    /// The caller's own reference.
    pub case_reference: String,
}

/// Who asks, as far as a decision needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Party<'a> {
    pub(super) organisation: &'a OrganisationId,
    pub(super) roles: &'a [String],
}

/// Which fields are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// All that the agreement has.
    Everything,
    /// These.
    Fields(Vec<FieldId>),
    /// Those of a view of the agreement.
    View(String),
}

/// What is asked for.
pub(super) enum Wanted<'a> {
    Fields(&'a Asked),
    Put(&'a [RecordTypeId]),
    /// In any of these ways.
    AccessLog(&'a [LogUse]),
}

/// The terms that stand: names of closed lists, an agreement in force.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) role: Role,
    pub(super) purpose: Purpose,
    pub(super) agreement: Arc<Agreement>,
    pub(super) case_reference: String,
}

/// What was decided of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Which.
    pub field: FieldId,
    /// How much of it.
    pub level: Level,
    /// What set that.
    pub decided_by: DecidedBy,
}

/// What set a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// A policy line, or the lack of one.
    Policy,
    /// The agreement.
    Agreement,
    /// A rule that no policy line can change.
    HardRule,
}

impl DecidedBy {
    /// As told to callers.
    pub fn as_str(self) -> &'static str {
        match self {
            DecidedBy::Policy => "policy",
            DecidedBy::Agreement => "agreement",
            DecidedBy::HardRule => "hard_rule",
        }
    }
}

/// Why somebody is refused: recorded, not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such role, or the token does not hold it.
    Role,
    /// No such purpose, or not one of the agreement.
    Purpose,
    /// No such agreement, or the organisation is no party, or the role none of its roles.
    Agreement,
    /// Not begun, ended, or its review overdue.
    NotInForce,
    /// Not in the agreement's form.
    CaseReference,
    /// No such view.
    View,
    /// None of what is asked for.
    NothingGranted,
    /// Not a handle of this organisation under this agreement.
    Handle,
}

impl Refusal {
    /// As it stands in the access log.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Role => "role",
            Refusal::Purpose => "purpose",
            Refusal::Agreement => "agreement",
            Refusal::NotInForce => "not_in_force",
            Refusal::CaseReference => "case_reference",
            Refusal::View => "view",
            Refusal::NothingGranted => "nothing_granted",
            Refusal::Handle => "handle",
        }
    }
}

/// Decides. Any doubt denies.
pub(super) fn decide(
    policy: &Policy,
    party: Party<'_>,
    terms: &Terms,
    wanted: Wanted<'_>,
    today: Date,
) -> Result<(Standing, Vec<Decision>), Refusal> {
    let standing = standing(policy, party, terms, today)?;
    let agreement = &standing.agreement;
    let decisions = match wanted {
        Wanted::Fields(asked) => {
            let fields = match asked {
                Asked::Everything => agreement.fields.keys().copied().collect(),
                Asked::Fields(fields) => fields.clone(),
                Asked::View(name) => agreement.views.get(name).ok_or(Refusal::View)?.clone(),
            };
            let decisions: Vec<_> = fields.into_iter().map(|field| of_field(policy, &standing, field, today)).collect();
            let anything = decisions.iter().any(|decision| decision.level > Level::Withheld);
            if anything {
                decisions
            } else {
                return Err(Refusal::NothingGranted);
            }
        }
        Wanted::Put(record_types) => {
            let may = |known: &RecordTypeId| {
                agreement.intake.contains(known) && policy.table.may_put(&standing.role, &standing.purpose, *known)
            };
            if record_types.is_empty() || !record_types.iter().all(may) {
                return Err(Refusal::NothingGranted);
            } else {
                vec![]
            }
        }
        Wanted::AccessLog(uses) => {
            let may = |log_use: &LogUse| {
                agreement.access_log.contains(log_use)
                    && policy.table.may_read_access_log(&standing.role, &standing.purpose, *log_use)
            };
            if uses.iter().any(may) {
                vec![]
            } else {
                return Err(Refusal::NothingGranted);
            }
        }
    };
    Ok((standing, decisions))
}

fn standing(policy: &Policy, party: Party<'_>, terms: &Terms, today: Date) -> Result<Standing, Refusal> {
    let spec = policy.roles.role(&terms.role).ok_or(Refusal::Role)?;
    if !party.roles.contains(&terms.role) {
        return Err(Refusal::Role);
    }
    let purpose = policy.roles.purpose(&terms.purpose).ok_or(Refusal::Purpose)?;
    let agreement = policy.agreement(&terms.agreement).ok_or(Refusal::Agreement)?;
    if !agreement.parties.contains(party.organisation) || !agreement.roles.contains(&spec.role) {
        return Err(Refusal::Agreement);
    }
    if !agreement.purposes.contains(purpose) {
        return Err(Refusal::Purpose);
    }
    if !agreement.in_force_on(today) {
        return Err(Refusal::NotInForce);
    }
    let case_reference = &terms.case_reference;
    // A reference is written down: one that could hold a subject identifier is none.
    let named = policy.catalogue.holds_identifier(case_reference);
    if named || case_reference.len() > 100 || !agreement.case_reference.is_match(case_reference) {
        return Err(Refusal::CaseReference);
    }
    Ok(Standing {
        role: spec.role.clone(),
        purpose: purpose.clone(),
        agreement: agreement.clone(),
        case_reference: case_reference.clone(),
    })
}

/// `min(policy, agreement, hard rules)`; what nobody decided is withheld.
fn of_field(policy: &Policy, standing: &Standing, field: FieldId, today: Date) -> Decision {
    let by_rules = hard_rules::highest(policy, &standing.role, field, today);
    let by_policy = policy.table.level(&standing.role, &standing.purpose, field);
    let by_agreement = standing.agreement.fields.get(&field).copied().unwrap_or(Level::Withheld);
    let level = by_rules.min(by_policy).min(by_agreement);
    let decided_by = if level == by_policy && by_policy < by_rules.min(by_agreement) {
        DecidedBy::Policy
    } else if by_rules < by_policy.min(by_agreement) {
        DecidedBy::HardRule
    } else {
        DecidedBy::Agreement
    };
    Decision { field, level, decided_by }
}
