//! The outcome of authorisation. Grants are made here and nowhere else: who holds one has been authorised.

use super::{
    Agreement, Emergency, Ground, InForce, LogUse, Operation, Refusal, Right,
    decide::{Asked, Decision, Papers, Party, Standing, Terms, Wanted, decide},
};
use crate::{
    access_log::{Question, SubjectPart, TermsInForce, Who},
    break_glass::Use,
    control::Event,
    dataset::catalogue::RecordTypeId,
    identity::Caller,
    ids::{ApproverId, Purpose, Role},
    pseudonym::Recipient,
    telemetry::metrics,
    warrant::Warrant,
    watch::{Leave, Watch},
};
use jiff::civil::Date;
use std::{collections::BTreeSet, sync::Arc};

/// Leave to ask about a subject: which fields at which level, under which terms. Not `Clone`; it is spent on one plan.
#[derive(Debug)]
pub struct Grant {
    standing: Standing,
    pub(crate) in_force: Arc<InForce>,
    pub(crate) who: Who,
    pub(crate) recipient: Recipient,
    decisions: Vec<Decision>,
    pub(crate) today: Date,
    /// What it stands on besides.
    pub(crate) warrant: Option<Arc<Warrant>>,
    /// That glass was broken for it, by which of the caller's uses.
    pub(crate) emergency: Option<(u64, Arc<Use>)>,
    /// What happens with the answer, and is recorded with it: that the warrant is used.
    pub(crate) happening: Vec<Event>,
    /// Who allowed this look-up, where one person is not enough.
    pub(crate) second_person: Option<ApproverId>,
}

/// What a caller may ask for.
#[derive(Debug)]
pub struct DescribedGrant(Grant);

/// Leave to break glass.
#[derive(Debug)]
pub struct EmergencyGrant {
    grant: Grant,
    role: Role,
    clause: Emergency,
}

/// Leave to put records of certain types in.
#[derive(Debug)]
pub struct IntakeGrant(Grant);

/// Leave to read the access log.
#[derive(Debug)]
pub struct AuditGrant(Grant);

/// Leave to carry out what a subject is entitled to.
#[derive(Debug)]
pub struct RightsGrant(Grant);

/// A refusal, ready to be recorded. The caller is told nothing but that it is one.
#[derive(Debug)]
pub struct Denial {
    /// Why.
    pub refusal: Refusal,
    pub(crate) asked: Box<Question>,
}

impl Denial {
    /// Of terms that do not stand: what was asked for under them says nothing.
    pub(crate) fn of_terms(refusal: Refusal, who: Who, in_force: &InForce) -> Self {
        let (terms, about) = (versions(in_force), SubjectPart::default());
        Self { refusal, asked: Box::new(Question { who, terms, fields: BTreeSet::new(), about }) }
    }
}

/// May this caller ask for these fields?
pub fn authorise(
    in_force: &Arc<InForce>,
    caller: &Caller,
    terms: &Terms,
    asked: &Asked,
    trace: &str,
    today: Date,
) -> Result<Grant, Denial> {
    grant(in_force, caller, terms, Wanted::Fields(asked), trace, today)
}

/// What may this caller ask for? Nothing can be asked with it: neither conditions need be acknowledged nor a ground named.
pub fn describe(
    in_force: &Arc<InForce>,
    caller: &Caller,
    terms: &Terms,
    trace: &str,
    today: Date,
) -> Result<DescribedGrant, Denial> {
    grant(in_force, caller, terms, Wanted::Description, trace, today).map(DescribedGrant)
}

/// May this caller break glass?
pub fn authorise_break_glass(
    in_force: &Arc<InForce>,
    caller: &Caller,
    terms: &Terms,
    trace: &str,
    today: Date,
) -> Result<EmergencyGrant, Denial> {
    let grant = grant(in_force, caller, terms, Wanted::Emergency, trace, today)?;
    let clause = grant.role().and_then(|role| Some((role.clone(), grant.agreement().emergency_of(role)?.clone())));
    match clause {
        Some((role, clause)) => Ok(EmergencyGrant { grant, role, clause }),
        None => Err(grant.refuse(Refusal::NothingGranted, SubjectPart::default())),
    }
}

/// May this caller put records of these types in?
pub fn authorise_intake(
    in_force: &Arc<InForce>,
    caller: &Caller,
    terms: &Terms,
    record_types: &[RecordTypeId],
    trace: &str,
    today: Date,
) -> Result<IntakeGrant, Denial> {
    grant(in_force, caller, terms, Wanted::Put(record_types), trace, today).map(IntakeGrant)
}

/// May this caller read the access log, in any of these ways?
pub fn authorise_audit(
    in_force: &Arc<InForce>,
    caller: &Caller,
    terms: &Terms,
    uses: &[LogUse],
    trace: &str,
    today: Date,
) -> Result<AuditGrant, Denial> {
    let operations: Vec<_> = uses.iter().copied().map(Operation::AccessLog).collect();
    grant(in_force, caller, terms, Wanted::Operation(&operations), trace, today).map(AuditGrant)
}

/// May this caller carry out that right of a subject's?
pub fn authorise_right(
    in_force: &Arc<InForce>,
    caller: &Caller,
    terms: &Terms,
    right: Right,
    trace: &str,
    today: Date,
) -> Result<RightsGrant, Denial> {
    grant(in_force, caller, terms, Wanted::Operation(&[Operation::Right(right)]), trace, today).map(RightsGrant)
}

impl Grant {
    /// The agreement it stands on.
    pub fn agreement(&self) -> &Agreement {
        &self.standing.agreement
    }

    /// Role and purpose, by name.
    pub(crate) fn named(&self) -> (&str, &str) {
        let role = self.who.role.as_ref().map_or("", Role::as_str);
        (role, self.who.purpose.as_ref().map_or("", Purpose::as_str))
    }

    /// The role it is for.
    pub(crate) fn role(&self) -> Option<&Role> {
        self.who.role.as_ref()
    }

    /// What was decided of each field asked for.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    pub(crate) fn terms(&self) -> TermsInForce {
        TermsInForce {
            agreement_version: Some(self.standing.agreement.version.clone()),
            case_reference: Some(self.standing.case_reference.clone()),
            policy_version: self.in_force.policy.version.clone(),
            control_epoch: self.in_force.epoch(),
            handling: Some(self.standing.agreement.handling.digest().to_owned()),
            transfer: self.standing.agreement.transfer.as_ref().and_then(|one| one.to(&self.who.organisation)),
            ground: self.standing.ground.map(Ground::as_str),
            break_glass: self.emergency.as_ref().map(|(number, _)| *number),
            second_person: self.second_person.clone(),
            warrant: self.warrant.as_ref().map(|warrant| (warrant.id.clone(), warrant.used + 1)),
        }
    }

    /// What allows this look-up of a watched subject, with its number.
    pub(crate) fn leave<'a>(&self, watch: &'a Watch) -> Option<(u64, &'a Leave)> {
        watch.leave(&self.who, &self.standing.case_reference, self.today)
    }

    /// The grant turns into a refusal, by something that shows only now.
    pub(crate) fn refuse(self, refusal: Refusal, about: SubjectPart) -> Denial {
        let name = |decision: &Decision| self.in_force.policy.catalogue.field(decision.field).name.clone();
        let fields = self.decisions.iter().map(name).collect();
        Denial { refusal, asked: Box::new(Question { who: self.who.clone(), terms: self.terms(), fields, about }) }
    }
}

impl EmergencyGrant {
    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// For which role.
    pub(crate) fn role(&self) -> &Role {
        &self.role
    }

    /// What is opened, for how long.
    pub(crate) fn clause(&self) -> &Emergency {
        &self.clause
    }

    /// It turns into a refusal, by something that shows only now.
    pub(crate) fn refuse(self, refusal: Refusal, about: SubjectPart) -> Denial {
        self.grant.refuse(refusal, about)
    }
}

impl DescribedGrant {
    pub(crate) fn grant(&self) -> &Grant {
        &self.0
    }
}

impl IntakeGrant {
    pub(crate) fn grant(&self) -> &Grant {
        &self.0
    }
}

impl AuditGrant {
    pub(crate) fn grant(&self) -> &Grant {
        &self.0
    }
}

impl RightsGrant {
    pub(crate) fn grant(&self) -> &Grant {
        &self.0
    }
}

/// Names of a request that the broker knows; what it does not know is left out, since anything could stand there.
pub(crate) fn known_names(in_force: &InForce, caller: &Caller, terms: &Terms, trace: &str) -> Who {
    let policy = &in_force.policy;
    Who {
        caller: caller.id().clone(),
        organisation: caller.organisation().clone(),
        role: policy.roles.role(&terms.role).map(|spec| spec.role.clone()),
        purpose: policy.roles.purpose(&terms.purpose).cloned(),
        agreement: policy.agreement(&terms.agreement).map(|agreement| agreement.id.clone()),
        trace: trace.to_owned(),
    }
}

/// The versions in force, for entries that no agreement stands behind.
pub(crate) fn versions(in_force: &InForce) -> TermsInForce {
    TermsInForce {
        agreement_version: None,
        case_reference: None,
        policy_version: in_force.policy.version.clone(),
        control_epoch: in_force.epoch(),
        handling: None,
        transfer: None,
        ground: None,
        break_glass: None,
        second_person: None,
        warrant: None,
    }
}

#[tracing::instrument(name = "authorise", skip_all)]
fn grant(
    in_force: &Arc<InForce>,
    caller: &Caller,
    terms: &Terms,
    wanted: Wanted<'_>,
    trace: &str,
    today: Date,
) -> Result<Grant, Denial> {
    let who = known_names(in_force, caller, terms, trace);
    let party = Party { organisation: caller.organisation(), roles: caller.roles() };
    let known = in_force.uses.of(caller.organisation(), caller.id()).and_then(|known| known.unreviewed());
    let emergency = known.map(|(number, used)| (number, used.clone())).filter(|_| terms.break_glass);
    let papers = Papers {
        agreed: &in_force.agreed,
        warrants: &in_force.warrants,
        emergency: emergency.as_ref().map(|(_, used)| &**used),
    };
    let decided = decide(&in_force.policy, papers, party, terms, wanted, today);
    let (role, purpose) = (who.role.as_ref().map(Role::as_str), who.purpose.as_ref().map(Purpose::as_str));
    metrics::decision(role, purpose, decided.as_ref().err().map_or("granted", |refusal| refusal.as_str()));
    match decided {
        Ok((standing, decisions)) => {
            let recipient =
                Recipient { organisation: caller.organisation().clone(), agreement: standing.agreement.id.clone() };
            let warrant = in_force.warrants.get(&terms.warrant).cloned();
            Ok(Grant {
                standing,
                in_force: in_force.clone(),
                who,
                recipient,
                decisions,
                today,
                warrant,
                emergency,
                happening: vec![],
                second_person: None,
            })
        }
        Err(refusal) if refusal.is_of_terms() => Err(Denial::of_terms(refusal, who, in_force)),
        Err(refusal) => {
            let emergency = emergency.map(|(number, _)| number);
            let asked = Question {
                terms: TermsInForce { break_glass: emergency, ..asked_under(in_force, terms) },
                fields: asked_for(in_force, terms, wanted),
                who,
                about: SubjectPart::default(),
            };
            Err(Denial { refusal, asked: Box::new(asked) })
        }
    }
}

/// The terms of a refused request, which stand: of what was said besides only what the broker knows. Anything could stand there.
fn asked_under(in_force: &InForce, terms: &Terms) -> TermsInForce {
    let agreement = in_force.agreement(&terms.agreement);
    let handling = agreement.map(|agreement| &agreement.handling);
    TermsInForce {
        agreement_version: agreement.map(|agreement| agreement.version.clone()),
        case_reference: agreement.map(|_| terms.case_reference.clone()),
        handling: handling
            .filter(|known| known.are_acknowledged(&terms.acknowledged))
            .map(|known| known.digest().to_owned()),
        ground: Ground::ALL.into_iter().map(Ground::as_str).find(|ground| *ground == terms.ground),
        warrant: in_force.warrants.get(&terms.warrant).map(|warrant| (warrant.id.clone(), warrant.used)),
        ..versions(in_force)
    }
}

/// The names of the fields that a refused request asked for.
fn asked_for(in_force: &InForce, terms: &Terms, wanted: Wanted<'_>) -> BTreeSet<String> {
    let (Wanted::Fields(asked), Some(agreement)) = (wanted, in_force.agreement(&terms.agreement)) else {
        return BTreeSet::new();
    };
    let fields = asked.fields(agreement, terms.break_glass).unwrap_or_default();
    fields.iter().map(|field| in_force.policy.catalogue.field(*field).name.clone()).collect()
}
