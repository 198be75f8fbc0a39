//! Nobody reads under a condition that they, or their party, can bring about: a red line over all agreements that are in force together,
//! which no file has to have and none can leave out.

use super::{Agreed, Agreement, Condition, Policy};
use crate::dataset::catalogue::RecordTypeId;

/// A party of an agreement may put in what its condition looks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "red line crossed: nobody puts in what opens data to them: the condition of `{agreement}` looks at `{record_type}`, which `{party}`, one \
     of its parties, may put in under `{intake}`: take the party out of one of the two, or let the condition name `sources` that another \
     agreement lists, to which none of its parties is a party"
)]
pub struct OwnGate {
    /// The agreement with the condition.
    pub agreement: String,
    /// What its condition looks at.
    pub record_type: String,
    /// The agreement under which that is put in; it can be the same.
    pub intake: String,
    /// Who is a party of both.
    pub party: String,
}

impl Policy {
    /// Every agreement whose condition a party of it could bring about, if these are in force together. Days are not looked at: a record
    /// stays, and an agreement comes into force after it.
    pub(crate) fn own_gates(&self, agreed: &Agreed) -> Vec<OwnGate> {
        let with_condition = agreed.values().filter_map(|one| Some((&**one, one.condition.as_ref()?)));
        let gates = with_condition.flat_map(|(agreement, condition)| {
            let may = |other: &&Agreement| self.may_bring_about(other, condition);
            let taking = agreed.values().map(|other| &**other).filter(may);
            taking.filter_map(move |other| {
                let party = agreement.parties.iter().find(|party| other.parties.contains(party))?;
                Some(OwnGate {
                    agreement: agreement.id.to_string(),
                    record_type: self.catalogue.record_type(condition.record_type).full_name.clone(),
                    intake: other.id.to_string(),
                    party: party.to_string(),
                })
            })
        });
        gates.collect()
    }

    /// Whether records that count for a condition may be put in under an agreement, by a role of it. Who of its parties acts in that role
    /// is not looked at: any of them may.
    fn may_bring_about(&self, agreement: &Agreement, condition: &Condition) -> bool {
        // A source that a condition names is given under those agreements alone that list it.
        let counts =
            condition.sources.is_empty() || condition.sources.iter().any(|name| agreement.sources.contains(name));
        counts && agreement.intake.contains(&condition.record_type) && self.may_put(agreement, condition.record_type)
    }

    fn may_put(&self, agreement: &Agreement, record_type: RecordTypeId) -> bool {
        let roles = agreement.roles.iter().filter_map(|role| self.roles.role_named(role.as_str()));
        roles.into_iter().any(|role| {
            let purposes = agreement.purposes.iter().filter_map(|purpose| self.roles.purpose_named(purpose.as_str()));
            purposes.into_iter().any(|purpose| {
                self.permissions(role, purpose).is_some_and(|permissions| permissions.may_put(record_type))
            })
        })
    }
}
