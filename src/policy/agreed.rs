//! What follows from an agreement's text for those who have to agree to it, and what is left of it where a dataset was withdrawn.

use super::{Agreement, Policy};
use crate::{
    approval::{Approver, Proposal, Requirements},
    dataset::{Catalogue, catalogue::FieldId},
    ids::DatasetId,
};
use jiff::civil::Date;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The agreements in force, by name.
pub(crate) type Agreed = BTreeMap<String, Arc<Agreement>>;

impl Agreement {
    /// Who has to agree to it.
    pub fn requirements(&self, catalogue: &Catalogue) -> Requirements {
        let opened = self.break_glass.iter().flat_map(|clause| clause.fields.keys());
        let of_fields = self.fields.keys().chain(opened).map(|field| catalogue.field(*field).record_type);
        let of_condition = self.condition.iter().map(|condition| condition.record_type);
        let touched = of_fields.chain(of_condition).chain(self.intake.iter().copied());
        let dataset = |record_type| catalogue.dataset(catalogue.record_type(record_type).dataset).id.clone();
        Requirements {
            parties: self.parties.clone(),
            datasets: touched.map(dataset).collect(),
            seen_by_regulator: self.seen_by_regulator,
        }
    }

    /// What is left of it without these datasets: no field of theirs is disclosed. None where its condition looks at one: whom it covers
    /// cannot be told then.
    pub(crate) fn without(&self, withdrawn: &BTreeSet<&DatasetId>, catalogue: &Catalogue) -> Option<Self> {
        let is_out =
            |record_type| withdrawn.contains(&catalogue.dataset(catalogue.record_type(record_type).dataset).id);
        if self.condition.as_ref().is_some_and(|condition| is_out(condition.record_type)) {
            return None;
        }
        let stays = |field: &FieldId| !is_out(catalogue.field(*field).record_type);
        let mut left = self.clone();
        left.fields.retain(|field, _| stays(field));
        if let Some(clause) = &mut left.break_glass {
            clause.fields.retain(|field, _| stays(field));
        }
        Some(left)
    }
}

impl Policy {
    /// Who has to agree to the policy after this one: two people of the owners of its datasets, the owner of each, and the data protection
    /// officer.
    pub fn requirements(&self) -> Requirements {
        let owners: BTreeSet<_> = self.catalogue.datasets().map(|(_, spec)| spec.owner.clone()).collect();
        Requirements {
            parties: owners.into_iter().collect(),
            datasets: self.catalogue.datasets().map(|(_, spec)| spec.id.clone()).collect(),
            seen_by_regulator: false,
        }
    }

    /// What nobody could give to the policy after this one on a day, in words: a policy of which something is left could never be amended
    /// again. Nothing: it can be amended.
    pub(crate) fn lacks_approvers_on(&self, day: Date) -> Vec<String> {
        let may_sign = |one: &&Approver| one.key.is_some() && one.until.is_none_or(|until| day <= until);
        let approved = self.approvers.iter().filter(may_sign).map(|one| one.id.clone()).collect();
        let everybody = Proposal { version: String::new(), approved, seen: BTreeSet::new() };
        self.requirements().missing(&everybody, &self.approvers)
    }

    /// An agreement that was kept, as this policy understands it.
    pub(crate) fn read_agreement(&self, text: &str) -> Option<Agreement> {
        Agreement::parse(text, &self.roles, &self.catalogue).ok()
    }
}
