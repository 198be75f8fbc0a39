//! A decision that was recorded, made again by what was in force then. It must come out as it did.

use super::{
    InForce, Operation, Refusal,
    decide::{Asked, Decision, Papers, Party, Terms, Wanted, decide, refused_by_names},
};
use crate::ids::{CallerId, OrganisationId};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What an entry's actor part says of a decision.
#[derive(Debug, Deserialize)]
pub struct Recorded {
    kind: String,
    time: Timestamp,
    outcome: String,
    caller: Option<CallerId>,
    organisation: Option<OrganisationId>,
    role: Option<String>,
    purpose: Option<String>,
    agreement: Option<String>,
    agreement_version: Option<String>,
    case_reference: Option<String>,
    warrant: Option<String>,
    ground: Option<String>,
    break_glass: Option<u64>,
    handling: Option<String>,
    policy_version: Option<String>,
    control_epoch: Option<u64>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    refusal: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The same.
    Same,
    /// It stood on something that is not recorded, because nobody could vouch for it: which.
    NotRepeatable(&'static str),
    /// Something else.
    Differs(String),
}

/// Why nothing was decided again.
enum Undecided {
    Refused(Refusal),
    /// A field that is not in the catalogue.
    Unknown,
}

/// An entry is stamped after it was decided: so long ago at the most, a request ends before.
const DECIDED_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);

impl Recorded {
    /// Reads an actor part; none: no decision stands behind it.
    pub fn read(actor: &str) -> Option<Self> {
        let recorded: Self = serde_json::from_str(actor).ok()?;
        let decided =
            recorded.control_epoch.is_some() && recorded.kind != "administration" && recorded.outcome != "invalid";
        decided.then_some(recorded)
    }

    /// The epoch that it was made in.
    pub fn epoch(&self) -> u64 {
        self.control_epoch.unwrap_or_default()
    }

    /// Makes it again, by what was in force then.
    pub fn replay(&self, in_force: &InForce, zone: &TimeZone) -> Replayed {
        if self.policy_version.as_deref() != Some(in_force.policy.version.as_str()) {
            return Replayed::Differs(format!("epoch {} had another policy", in_force.epoch()));
        }
        let agreed =
            self.agreement.as_deref().and_then(|id| in_force.agreement(id)).map(|known| known.version.as_str());
        if self.kind != "denial" && self.agreement_version.as_deref() != agreed {
            return Replayed::Differs("another version of the agreement was in force".to_owned());
        }
        self.under(in_force, zone)
    }

    /// Makes it by something else that could be in force. Around midnight it may have been made on the day before its entry's.
    pub fn under(&self, in_force: &InForce, zone: &TimeZone) -> Replayed {
        let day = |at: Timestamp| zone.to_datetime(at).date();
        let on = |today| match self.kind.as_str() {
            "denial" => self.denial(in_force, today),
            _ => self.leave(in_force, today),
        };
        let before = day(self.time.saturating_sub(DECIDED_WITHIN).unwrap_or(self.time));
        match on(day(self.time)) {
            Replayed::Differs(_) if before != day(self.time) => on(before),
            replayed => replayed,
        }
    }

    fn leave(&self, in_force: &InForce, today: Date) -> Replayed {
        let Some(organisation) = &self.organisation else {
            return Replayed::Differs("it names no organisation".to_owned());
        };
        const OPERATIONS: [Operation; 3] = Operation::ALL;
        let decided = match self.kind.as_str() {
            "release" => self.of_fields(in_force, organisation, today),
            "inspection" if self.outcome != "listed" => {
                self.decided(in_force, organisation, Wanted::Operation(&OPERATIONS[..2]), today)
            }
            // What is in force about a subject is listed by who may change it.
            "change" | "inspection" => self.decided(in_force, organisation, Wanted::Operation(&OPERATIONS[2..]), today),
            // Which record types is not recorded.
            _ => return self.by_names(in_force, organisation, today, None),
        };
        let decisions = match decided {
            Ok(decisions) => decisions,
            Err(Undecided::Unknown) => return Replayed::Differs("it names a field that there was not".to_owned()),
            Err(Undecided::Refused(refusal)) => {
                return Replayed::Differs(format!("it would be refused ({})", refusal.as_str()));
            }
        };
        let catalogue = &in_force.policy.catalogue;
        let other = decisions.iter().find(|decision| {
            let name = &catalogue.field(decision.field).name;
            self.fields.get(name).map(String::as_str) != Some(decision.level.as_str())
        });
        other.map_or(Replayed::Same, |decision| {
            let (name, level) = (&catalogue.field(decision.field).name, decision.level.as_str());
            Replayed::Differs(format!("`{name}` would be `{level}`"))
        })
    }

    fn of_fields(
        &self,
        in_force: &InForce,
        organisation: &OrganisationId,
        today: Date,
    ) -> Result<Vec<Decision>, Undecided> {
        let known = |name: &String| in_force.policy.catalogue.field_named(name);
        let asked = Asked::Fields(self.fields.keys().map(known).collect::<Option<_>>().ok_or(Undecided::Unknown)?);
        self.decided(in_force, organisation, Wanted::Fields(&asked), today)
    }

    fn decided(
        &self,
        in_force: &InForce,
        organisation: &OrganisationId,
        wanted: Wanted<'_>,
        today: Date,
    ) -> Result<Vec<Decision>, Undecided> {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let terms = Terms {
            role: text(&self.role),
            purpose: text(&self.purpose),
            agreement: text(&self.agreement),
            case_reference: text(&self.case_reference),
            warrant: text(&self.warrant),
            ground: text(&self.ground),
            break_glass: self.break_glass.is_some() || self.refusal.as_deref() == Some("break_glass"),
            acknowledged: text(&self.handling),
        };
        let roles = [terms.role.clone()];
        let party = Party { organisation, roles: &roles };
        let used = self.caller.as_ref().and_then(|caller| in_force.uses.of(organisation, caller));
        let emergency = used.and_then(|known| known.unreviewed()).map(|(_, used)| &**used);
        let papers = Papers { agreed: &in_force.agreed, warrants: &in_force.warrants, emergency };
        let decided = decide(&in_force.policy, papers, party, &terms, wanted, today);
        decided.map(|(_, decisions)| decisions).map_err(Undecided::Refused)
    }

    fn denial(&self, in_force: &InForce, today: Date) -> Replayed {
        let Some(organisation) = &self.organisation else { return Replayed::NotRepeatable("nobody known asked") };
        let refusal = match self.refusal.as_deref() {
            Some("role") => return Replayed::NotRepeatable("the roles of a token"),
            Some("approver") => return Replayed::NotRepeatable("who was an approver"),
            Some(refusal @ ("purpose" | "agreement" | "not_in_force")) => {
                return self.by_names(in_force, organisation, today, Some(refusal));
            }
            Some(refusal) => refusal,
            None => return Replayed::Differs("a denial without a reason".to_owned()),
        };
        match self.by_names(in_force, organisation, today, None) {
            // A reference that does not fit could be anything, and so could a view that there was not.
            Replayed::Same if self.fields.is_empty() => {
                return Replayed::NotRepeatable("a case reference, a view or records that were asked for");
            }
            Replayed::Same => {}
            differs => return differs,
        }
        match self.of_fields(in_force, organisation, today) {
            Err(Undecided::Refused(again)) if again.as_str() == refusal => Replayed::Same,
            Err(Undecided::Refused(again)) => Replayed::Differs(format!("it would be refused ({})", again.as_str())),
            Err(Undecided::Unknown) => Replayed::Differs("it names a field that there was not".to_owned()),
            Ok(_) if matches!(refusal, "limit" | "second_person" | "handle" | "break_glass") => {
                Replayed::NotRepeatable("about whom it was, or how much was told that day")
            }
            Ok(_) if refusal == "warrant" => Replayed::NotRepeatable("a warrant for somebody else, or none"),
            Ok(_) if refusal == "ground" && self.ground.is_none() => Replayed::NotRepeatable("a ground that is none"),
            Ok(_) => Replayed::Differs("it would be granted".to_owned()),
        }
    }

    /// Names that were left out were not known.
    fn by_names(
        &self,
        in_force: &InForce,
        organisation: &OrganisationId,
        today: Date,
        refusal: Option<&str>,
    ) -> Replayed {
        let name = |part: &Option<String>| part.clone().unwrap_or_default();
        let (role, purpose, agreement) = (name(&self.role), name(&self.purpose), name(&self.agreement));
        let again =
            refused_by_names(&in_force.policy, &in_force.agreed, organisation, (&role, &purpose, &agreement), today);
        let again = again.map(Refusal::as_str);
        if again == refusal {
            Replayed::Same
        } else {
            Replayed::Differs(format!(
                "it would be {}",
                again.map_or("granted".to_owned(), |why| format!("refused ({why})"))
            ))
        }
    }
}
