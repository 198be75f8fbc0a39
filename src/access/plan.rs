//! 3. Plan: which datasets and columns, and nothing that the grant does not need.

use crate::{
    dataset::{Level, Selection, catalogue::DatasetIndex},
    policy::{Condition, Grant},
};

/// What will be fetched, by a grant. Made here only.
#[derive(Debug)]
pub struct Plan {
    pub(super) grant: Grant,
    pub(super) selections: Vec<(DatasetIndex, Selection)>,
}

/// Selects the columns that are shown at some level, and those that the agreement's condition looks at.
#[tracing::instrument(skip_all)]
pub fn plan(grant: Grant) -> Plan {
    let policy = &grant.in_force.policy;
    let catalogue = &policy.catalogue;
    let mut selections: Vec<(DatasetIndex, Selection)> = Vec::new();
    let mut select = |record_type, column| {
        let dataset = catalogue.record_type(record_type).dataset;
        if !selections.iter().any(|(known, _)| *known == dataset) {
            selections.push((dataset, Selection::default()));
        }
        if let Some((_, selection)) = selections.iter_mut().find(|(known, _)| *known == dataset) {
            selection.add(record_type, column);
        }
    };
    for decision in grant.decisions().iter().filter(|decision| decision.level > Level::Withheld) {
        let field = catalogue.field(decision.field);
        select(field.record_type, field.column);
    }
    if let Some(Condition { record_type, .. }) = &grant.agreement().condition {
        for column in grant.agreement().condition.iter().flat_map(Condition::columns) {
            select(*record_type, column);
        }
    }
    Plan { selections, grant }
}
