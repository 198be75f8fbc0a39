//! What must never depend on a policy line. It follows from properties of the catalogue, and from no name.

use super::{Policy, RoleId};
use crate::dataset::{
    Level,
    catalogue::{FieldId, LawEnforcement},
};
use jiff::civil::Date;

impl Policy {
    /// Whether a field is out of reach of law enforcement but for a warrant (CS4).
    pub(crate) fn needs_warrant(&self, field: FieldId) -> bool {
        self.catalogue.field(field).law_enforcement == LawEnforcement::Warrant
    }
}

/// The highest level at which a role may see a field, whatever policy and agreement say.
pub(super) fn highest(policy: &Policy, role: RoleId, field: FieldId, today: Date) -> Level {
    if binding(policy, role, field, today).is_some() { Level::Withheld } else { Level::Full }
}

/// The rule that withholds a field from a role, in words.
pub(super) fn binding(policy: &Policy, role: RoleId, field: FieldId, today: Date) -> Option<&'static str> {
    let enforces = policy.roles.role_at(role).law_enforcement;
    match policy.catalogue.field(field).law_enforcement {
        LawEnforcement::Warrant if enforces => Some("law enforcement reaches it with a warrant only (CS4)"),
        LawEnforcement::Never if enforces => Some("law enforcement never reaches it, not even with a warrant (CS4)"),
        _ => review_overdue(policy, field, today),
    }
}

/// What no warrant lifts either.
pub(super) fn review_overdue(policy: &Policy, field: FieldId, today: Date) -> Option<&'static str> {
    let record_type = policy.catalogue.record_type(policy.catalogue.field(field).record_type);
    let dataset = policy.catalogue.dataset(record_type.dataset);
    // GO9: a dataset whose review is overdue is not used until it has been reviewed.
    (today > dataset.review).then_some("the dataset's review is overdue (GO9)")
}
