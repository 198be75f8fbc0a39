//! What must never depend on a policy line.

use super::{Policy, RoleId};
use crate::dataset::{
    Level,
    catalogue::{DatasetSpec, FieldId},
};
use jiff::civil::Date;

/// The dataset that law enforcement reaches with a warrant only (CS4).
const CLINICAL: &str = "clinical";

/// Not to be seen, and not to be inferred: a condition on it would tell by whether there is an answer.
pub(super) fn out_of_reach_of_law_enforcement(dataset: &DatasetSpec) -> bool {
    dataset.id.as_str() == CLINICAL
}

impl Policy {
    /// Whether a field is out of reach of law enforcement but for a warrant (CS4).
    pub(crate) fn needs_warrant(&self, field: FieldId) -> bool {
        let record_type = self.catalogue.record_type(self.catalogue.field(field).record_type);
        out_of_reach_of_law_enforcement(self.catalogue.dataset(record_type.dataset))
    }
}

/// The highest level at which a role may see a field, whatever policy and agreement say.
pub(super) fn highest(policy: &Policy, role: RoleId, field: FieldId, today: Date) -> Level {
    if binding(policy, role, field, today).is_some() { Level::Withheld } else { Level::Full }
}

/// The rule that withholds a field from a role, in words.
pub(super) fn binding(policy: &Policy, role: RoleId, field: FieldId, today: Date) -> Option<&'static str> {
    let record_type = policy.catalogue.record_type(policy.catalogue.field(field).record_type);
    let dataset = policy.catalogue.dataset(record_type.dataset);
    if policy.roles.role_at(role).law_enforcement && out_of_reach_of_law_enforcement(dataset) {
        return Some("law enforcement reaches clinical data with a warrant only (CS4)");
    }
    review_overdue(policy, field, today)
}

/// What no warrant lifts either.
pub(super) fn review_overdue(policy: &Policy, field: FieldId, today: Date) -> Option<&'static str> {
    let record_type = policy.catalogue.record_type(policy.catalogue.field(field).record_type);
    let dataset = policy.catalogue.dataset(record_type.dataset);
    // GO9: a dataset whose review is overdue is not used until it has been reviewed.
    (today > dataset.review).then_some("the dataset's review is overdue (GO9)")
}
