//! What must never depend on a policy line.

use super::Policy;
use crate::{
    dataset::{Level, catalogue::FieldId},
    ids::Role,
};
use jiff::civil::Date;

/// The dataset that law enforcement reaches with a warrant only (CS4).
const CLINICAL: &str = "clinical";

/// The highest level at which a role may see a field, whatever policy and agreement say.
pub(super) fn highest(policy: &Policy, role: &Role, field: FieldId, today: Date) -> Level {
    let record_type = policy.catalogue.record_type(policy.catalogue.field(field).record_type);
    let dataset = policy.catalogue.dataset(record_type.dataset);
    let enforces = policy.roles.role(role.as_str()).is_none_or(|spec| spec.law_enforcement);
    if enforces && dataset.id.as_str() == CLINICAL {
        return Level::Withheld;
    }
    // GO9: a dataset whose review is overdue is not used until it has been reviewed.
    if today > dataset.review { Level::Withheld } else { Level::Full }
}
