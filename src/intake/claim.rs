//! What a record lays claim to: a unique value, or to be the one record of its type on its subject. A second claim to the same is a
//! duplicate.

use super::{Checked, Delivery, Intake, check::CheckedCell};
use crate::{
    access::Unanswered,
    dataset::{
        Catalogue, Store, StoreError,
        catalogue::{DatasetSpec, RecordTypeId},
    },
    pseudonym::{Pseudonym, SubjectIdentifier},
};
use sha2::{Digest, Sha256};

/// What tells one claim from another: 16 bytes of SHA-256, so that those of a long load fit into memory.
pub(super) type Mark = [u8; 16];

/// One claim of a record.
pub(super) enum Claim {
    /// A value of a unique column, by the column's place in the dataset.
    Value(usize, [u8; 32]),
    /// A subject.
    Subject(RecordTypeId, Pseudonym),
}

/// The names of a record: its subject's, and one a unique column, in the order of the columns.
pub(super) struct Names {
    pub(super) pseudonym: Pseudonym,
    pub(super) blind_indexes: Vec<[u8; 32]>,
}

impl Intake {
    /// From here on nobody knows the identifier.
    pub(super) async fn names_of(&self, delivery: &Delivery, checked: &Checked) -> Result<Names, Unanswered> {
        let spec = delivery.grant.grant().in_force.policy.catalogue.dataset(delivery.dataset);
        let mut blind_indexes = Vec::new();
        for (column, cell) in spec.columns.iter().zip(&checked.cells).filter(|(column, _)| column.unique) {
            let text = if let CheckedCell::Text(text) = cell { text.as_bytes() } else { &[] };
            blind_indexes.push(self.keyring.blind_index(&spec.id, &column.name, text).await?);
        }
        Ok(Names { pseudonym: self.pseudonymise(spec, &checked.subject).await?, blind_indexes })
    }

    pub(super) async fn pseudonymise(
        &self,
        spec: &DatasetSpec,
        subject: &SubjectIdentifier,
    ) -> Result<Pseudonym, Unanswered> {
        self.keyring.pseudonymise(&spec.id, &[subject]).await?.into_iter().next().ok_or(Unanswered::Fault)
    }
}

impl Claim {
    /// Those of a record, in the order in which they are looked at.
    pub(super) fn all(delivery: &Delivery, record_type: RecordTypeId, names: &Names) -> Vec<Self> {
        let catalogue = &delivery.grant.grant().in_force.policy.catalogue;
        let columns = catalogue.dataset(delivery.dataset).columns.iter().enumerate();
        let unique = columns.filter(|(_, column)| column.unique).map(|(at, _)| at);
        let values = unique.zip(&names.blind_indexes).map(|(at, index)| Self::Value(at, *index));
        let alone = catalogue.record_type(record_type).one_per_subject;
        let subject = alone.then(|| Self::Subject(record_type, names.pseudonym.clone()));
        values.chain(subject).collect()
    }

    /// The column that a duplicate is told by.
    pub(super) fn column(&self, spec: &DatasetSpec) -> String {
        match self {
            Claim::Value(at, _) => spec.columns.get(*at).map(|column| column.source_name.clone()).unwrap_or_default(),
            Claim::Subject(..) => spec.subject_column.clone(),
        }
    }

    /// None where the subject is not one of that dataset.
    pub(super) fn mark(&self, catalogue: &Catalogue, spec: &DatasetSpec) -> Option<Mark> {
        let hash = match self {
            Claim::Value(at, index) => {
                Sha256::new().chain_update([0]).chain_update((*at as u64).to_be_bytes()).chain_update(index)
            }
            Claim::Subject(record_type, pseudonym) => Sha256::new()
                .chain_update([1])
                .chain_update(pseudonym.bytes_in(&spec.id)?)
                .chain_update(&catalogue.record_type(*record_type).name),
        };
        hash.finalize().first_chunk().copied()
    }

    /// Whether a record in the store has it.
    pub(super) async fn is_held(&self, catalogue: &Catalogue, store: &dyn Store) -> Result<bool, StoreError> {
        match self {
            Claim::Value(at, index) => store.holds_value(*at, index).await,
            Claim::Subject(record_type, pseudonym) => {
                store.holds_subject(&catalogue.record_type(*record_type).name, pseudonym).await
            }
        }
    }
}
