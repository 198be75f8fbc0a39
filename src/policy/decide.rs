//! The decision itself: closed lists, the agreement, the compiled policy and the hard rules, and no subject.

use super::{
    Agreed, Agreement, Ground, Operation, Policy, Refusal, ground, hard_rules,
    roles::{PurposeId, RoleId},
};
use crate::{
    break_glass::Use,
    dataset::{
        Level,
        catalogue::{FieldId, RecordTypeId},
    },
    ids::OrganisationId,
    warrant::{Warrant, Warrants},
};
use jiff::civil::Date;
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

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
    /// A warrant, or none.
    pub warrant: String,
    /// The ground relied on, where special category data is used for a law enforcement purpose.
    pub ground: String,
    /// Glass was broken for it.
    pub break_glass: bool,
    /// The digest of the handling conditions that the caller has acknowledged.
    pub acknowledged: String,
}

/// Who asks, as far as a decision needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Party<'a> {
    pub(super) organisation: &'a OrganisationId,
    pub(super) roles: &'a [String],
}

/// What a decision stands on beside the policy.
#[derive(Clone, Copy)]
pub(super) struct Papers<'a> {
    pub(super) agreed: &'a Agreed,
    pub(super) warrants: &'a Warrants,
    /// That the caller broke glass.
    pub(super) emergency: Option<&'a Use>,
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

impl Asked {
    /// Which fields these are under an agreement; none: a view that it does not have.
    pub(super) fn fields<'a>(&'a self, agreement: &'a Agreement, break_glass: bool) -> Option<Cow<'a, [FieldId]>> {
        Some(match self {
            Self::Everything if break_glass => {
                let opened = agreement.break_glass.iter().flat_map(|clause| clause.fields.keys());
                agreement.fields.keys().chain(opened).copied().collect::<BTreeSet<_>>().into_iter().collect()
            }
            Self::Everything => agreement.fields.keys().copied().collect(),
            Self::Fields(fields) => fields.into(),
            Self::View(name) => agreement.views.get(name)?.into(),
        })
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    Fields(&'a Asked),
    /// What may be asked for: all that the agreement has.
    Description,
    /// To break glass.
    Emergency,
    Put(&'a [RecordTypeId]),
    /// Any of these.
    Operation(&'a [Operation]),
}

/// The terms that stand: an agreement in force, and the reference under it.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) agreement: Arc<Agreement>,
    pub(super) case_reference: String,
    pub(super) ground: Option<Ground>,
}

/// Names of the closed lists. Whether they belong together is another question.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) role: RoleId,
    pub(super) purpose: PurposeId,
    pub(super) agreement: &'a Arc<Agreement>,
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
    /// A court.
    Warrant,
    /// Vital interests: glass was broken.
    BreakGlass,
}

impl DecidedBy {
    /// As told to callers.
    pub fn as_str(self) -> &'static str {
        match self {
            DecidedBy::Policy => "policy",
            DecidedBy::Agreement => "agreement",
            DecidedBy::HardRule => "hard_rule",
            DecidedBy::Warrant => "warrant",
            DecidedBy::BreakGlass => "break_glass",
        }
    }
}

/// Decides. Any doubt denies.
pub(super) fn decide(
    policy: &Policy,
    papers: Papers<'_>,
    party: Party<'_>,
    terms: &Terms,
    wanted: Wanted<'_>,
    today: Date,
) -> Result<(Standing, Vec<Decision>), Refusal> {
    let Papers { agreed, warrants, emergency } = papers;
    let named = stands(policy, agreed, party, terms, today)?;
    let agreement = named.agreement;
    let permissions = policy.permissions(named.role, named.purpose);
    let covers = |warrant: &&Arc<Warrant>| warrant.covers(&agreement.id, &terms.case_reference, today);
    let warrant = match terms.warrant.as_str() {
        "" => None,
        id => Some(warrants.get(id).filter(covers).ok_or(Refusal::Warrant)?),
    };
    let mut relied_on = None;
    let enforces = policy.roles.role_at(named.role).law_enforcement;
    // Of a field that needs none a warrant that names it changes nothing, and takes nothing away.
    let needed = |field: &FieldId| enforces && policy.needs_warrant(*field);
    let decided = |field: &FieldId| match warrant {
        Some(warrant) if needed(field) && warrant.terms.fields.contains(&policy.catalogue.field(*field).name) => {
            under_warrant(policy, named, *field, today)
        }
        _ if terms.break_glass => in_emergency(policy, named, *field, today),
        _ => of_field(policy, named, *field, today),
    };
    if terms.break_glass {
        let covers = |used: &&Use| used.covers(&agreement.id, &terms.role, &terms.case_reference);
        emergency.filter(covers).ok_or(Refusal::BreakGlass)?;
    }
    let decisions = match wanted {
        Wanted::Fields(asked) => {
            if !agreement.handling.are_acknowledged(&terms.acknowledged) {
                return Err(Refusal::Acknowledgement);
            }
            let fields = asked.fields(agreement, terms.break_glass).ok_or(Refusal::View)?;
            let decisions: Vec<_> = fields.iter().map(decided).collect();
            if decisions.iter().all(|decision| decision.level == Level::Withheld) {
                return Err(Refusal::NothingGranted);
            }
            relied_on = ground::relied_on(policy, named.role, agreement, &decisions, &terms.ground)?;
            decisions
        }
        Wanted::Description => {
            let decisions: Vec<_> = agreement.fields.keys().map(decided).collect();
            if decisions.iter().all(|decision| decision.level == Level::Withheld) {
                return Err(Refusal::NothingGranted);
            }
            decisions
        }
        Wanted::Emergency => {
            if !agreement.handling.are_acknowledged(&terms.acknowledged) {
                return Err(Refusal::Acknowledgement);
            }
            agreement.emergency_of(&policy.roles.role_at(named.role).role).ok_or(Refusal::NothingGranted)?;
            vec![]
        }
        Wanted::Put(record_types) => {
            let may = |known: &RecordTypeId| {
                agreement.intake.contains(known) && permissions.is_some_and(|permissions| permissions.may_put(*known))
            };
            if record_types.is_empty() || !record_types.iter().all(may) {
                return Err(Refusal::NothingGranted);
            }
            vec![]
        }
        Wanted::Operation(operations) => {
            let may = |operation: &Operation| {
                agreement.operations.contains(operation)
                    && permissions.is_some_and(|permissions| permissions.may_do(*operation))
            };
            if !operations.iter().any(may) {
                return Err(Refusal::NothingGranted);
            }
            vec![]
        }
    };
    let (agreement, case_reference) = (agreement.clone(), terms.case_reference.clone());
    Ok((Standing { agreement, case_reference, ground: relied_on }, decisions))
}

impl Policy {
    /// What is decided of one field, whoever asks: organisation, token and case reference are not looked at.
    pub fn disclosure(
        &self,
        role: &str,
        purpose: &str,
        agreement: &str,
        field: FieldId,
        today: Date,
    ) -> Result<Decision, Refusal> {
        let named = named(self, &self.agreements, role, purpose, agreement)?;
        belong_together(self, named, today)?;
        Ok(of_field(self, named, field, today))
    }
}

fn stands<'a>(
    policy: &Policy,
    agreed: &'a Agreed,
    party: Party<'_>,
    terms: &Terms,
    today: Date,
) -> Result<Named<'a>, Refusal> {
    if !party.roles.contains(&terms.role) {
        return Err(Refusal::Role);
    }
    let named = named(policy, agreed, &terms.role, &terms.purpose, &terms.agreement)?;
    of_party(named, party.organisation)?;
    belong_together(policy, named, today)?;
    let case_reference = &terms.case_reference;
    if case_reference.len() > 100 || !named.agreement.case_reference.is_match(case_reference) {
        return Err(Refusal::CaseReference);
    }
    Ok(named)
}

/// Why terms do not stand by their names and the day alone, whatever the token and the case reference are.
pub(super) fn refused_by_names(
    policy: &Policy,
    agreed: &Agreed,
    organisation: &OrganisationId,
    (role, purpose, agreement): (&str, &str, &str),
    today: Date,
) -> Option<Refusal> {
    let stands = || {
        let named = named(policy, agreed, role, purpose, agreement)?;
        of_party(named, organisation)?;
        belong_together(policy, named, today)
    };
    stands().err()
}

/// The organisation is one of the agreement's parties.
fn of_party(named: Named<'_>, organisation: &OrganisationId) -> Result<(), Refusal> {
    if named.agreement.parties.contains(organisation) { Ok(()) } else { Err(Refusal::Agreement) }
}

pub(super) fn named<'a>(
    policy: &Policy,
    agreed: &'a Agreed,
    role: &str,
    purpose: &str,
    agreement: &str,
) -> Result<Named<'a>, Refusal> {
    let not_agreed = || if policy.agreement(agreement).is_some() { Refusal::NotInForce } else { Refusal::Agreement };
    Ok(Named {
        role: policy.roles.role_named(role).ok_or(Refusal::Role)?,
        purpose: policy.roles.purpose_named(purpose).ok_or(Refusal::Purpose)?,
        agreement: agreed.get(agreement).ok_or_else(not_agreed)?,
    })
}

/// The agreement is in force and names the role and the purpose.
pub(super) fn belong_together(policy: &Policy, named: Named<'_>, today: Date) -> Result<(), Refusal> {
    let Named { role, purpose, agreement } = named;
    if !agreement.roles.contains(&policy.roles.role_at(role).role) {
        return Err(Refusal::Agreement);
    }
    if !agreement.purposes.contains(policy.roles.purpose_at(purpose)) {
        return Err(Refusal::Purpose);
    }
    if !agreement.in_force_on(today) {
        return Err(Refusal::NotInForce);
    }
    Ok(())
}

/// What a warrant names: the agreement alone bounds it, and what no warrant lifts.
fn under_warrant(policy: &Policy, named: Named<'_>, field: FieldId, today: Date) -> Decision {
    let by_agreement = named.agreement.fields.get(&field).copied().unwrap_or(Level::Withheld);
    match hard_rules::review_overdue(policy, field, today) {
        Some(_) => Decision { field, level: Level::Withheld, decided_by: DecidedBy::HardRule },
        None => Decision { field, level: by_agreement, decided_by: DecidedBy::Warrant },
    }
}

/// What glass was broken for: the clause bounds it, and hard rules and red lines do; where the usual terms show more, those hold.
fn in_emergency(policy: &Policy, named: Named<'_>, field: FieldId, today: Date) -> Decision {
    let usual = of_field(policy, named, field, today);
    let clause = named.agreement.emergency_of(&policy.roles.role_at(named.role).role);
    let opened = clause.and_then(|clause| clause.fields.get(&field).copied()).unwrap_or(Level::Withheld);
    let level = opened.min(hard_rules::highest(policy, named.role, field, today));
    if level <= usual.level || policy.red_lines.keep(named.role, field) {
        usual
    } else {
        Decision { field, level, decided_by: DecidedBy::BreakGlass }
    }
}

/// `min(policy, agreement, hard rules)`; what nobody decided is withheld.
fn of_field(policy: &Policy, named: Named<'_>, field: FieldId, today: Date) -> Decision {
    let permissions = policy.permissions(named.role, named.purpose);
    let by_rules = hard_rules::highest(policy, named.role, field, today);
    let by_policy = permissions.map_or(Level::Withheld, |permissions| permissions.level(field));
    let by_agreement = named.agreement.fields.get(&field).copied().unwrap_or(Level::Withheld);
    let level = by_rules.min(by_policy).min(by_agreement);
    // Where several come to the same, the one that is nearest to people: the clause, then the rule, then the line.
    let decided_by = if level == by_agreement {
        DecidedBy::Agreement
    } else if level == by_rules {
        DecidedBy::HardRule
    } else {
        DecidedBy::Policy
    };
    Decision { field, level, decided_by }
}
