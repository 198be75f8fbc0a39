//! A batch: shuffled, sealed, recorded, and only then stored.

use super::{Broken, Checked, Delivery, Intake, Rule, check::CheckedCell, claim::Names};
use crate::{
    access::Unanswered,
    access_log::{
        Entry, InputBatch, Kind, Question, Receipt, SubjectPart, digest,
        merkle::{Frontier, Hash, leaf_hash},
    },
    clock::today,
    dataset::{
        Batch, NewRecord, StoreError, StoredCell,
        catalogue::{DatasetSpec, Kind as ColumnKind, SubjectCategory},
    },
    entropy::NoEntropy,
    policy::{Denial, Refusal},
    pseudonym::CellPlace,
};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};
use tracing::Instrument;

/// A record that was not stored, by its line in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line of the source.
    pub line: u64,
    /// Why.
    pub broken: Broken,
}

/// A batch that is stored.
#[derive(Debug)]
pub struct Stored {
    /// How many records.
    pub records: u64,
    /// Proof of its input entry.
    pub receipt: Receipt,
}

/// A batch has at most so many records: those of one batch can be told from those of another, so the more the better.
pub const LARGEST: usize = 100_000;

impl Intake {
    /// Stores what is not there already. Nothing is stored before its entry is durable.
    #[tracing::instrument(skip_all)]
    pub async fn store(
        &self,
        delivery: &Delivery,
        rows: Vec<(u64, Checked)>,
    ) -> Result<(Option<Stored>, Vec<Rejected>), Unanswered> {
        let at = delivery.dataset.position();
        let (Some(turn), Some(store)) = (self.turns.get(at), self.stores.of(delivery.dataset)) else {
            return Err(Unanswered::Fault);
        };
        let _turn = turn.lock().await;
        let grant = delivery.grant.grant();
        // A load goes on for as long as rows come: days begin and end meanwhile, which opens no epoch.
        if !grant.agreement().in_force_on(today(&*self.clock, &self.zone)) {
            let (who, fields, about) = (grant.who.clone(), BTreeSet::new(), SubjectPart::default());
            let asked = Box::new(Question { who, terms: grant.terms(), fields, about });
            return Err(Denial { refusal: Refusal::NotInForce, asked }.into());
        }
        let (mut records, rejected) = self.without_duplicates(delivery, rows).await?;
        if records.is_empty() {
            return Ok((None, rejected));
        }
        self.entropy.shuffle(&mut records)?;
        let spec = grant.in_force.policy.catalogue.dataset(delivery.dataset);
        let root = root(spec, &records)?;
        let batch: [u8; 16] = self.entropy.bytes()?;
        let input = InputBatch {
            dataset: spec.id.clone(),
            batch: hex::encode(batch),
            batch_records: records.len() as u64,
            batch_root: root.to_string(),
        };
        let entry = Entry::decided(Kind::Input, "stored", grant.who.clone(), grant.terms()).with_input(input);
        let receipt =
            self.log.append(Arc::new(entry), digest(root.as_bytes())).instrument(tracing::info_span!("record")).await?;
        // A crash here leaves an entry whose records did not arrive; the next start finds it and says so.
        let count = records.len();
        let inserting = tracing::info_span!("insert", dataset = %spec.id, entries = count);
        let arriving = Batch { name: batch, day: delivery.today, root: *root.as_bytes(), records };
        if let Err(error) = store.insert(arriving).instrument(inserting).await {
            tracing::error!(%error, "a batch was not stored");
            // Where it may have arrived after all, the next start finds out.
            if error.is_refusal() {
                self.note_lost(spec.id.as_str(), &hex::encode(batch)).await?;
            }
            return Err(Unanswered::Fault);
        }
        Ok((Some(Stored { records: count as u64, receipt }), rejected))
    }

    /// In the order of their lines, since of duplicates the first is kept.
    #[tracing::instrument(name = "seal", skip_all)]
    async fn without_duplicates(
        &self,
        delivery: &Delivery,
        mut rows: Vec<(u64, Checked)>,
    ) -> Result<(Vec<NewRecord>, Vec<Rejected>), Unanswered> {
        rows.sort_by_key(|(line, _)| *line);
        let mut taken = HashSet::new();
        let (mut records, mut rejected) = (Vec::with_capacity(rows.len()), Vec::new());
        for (line, checked) in rows {
            let names = self.names_of(delivery, &checked).await?;
            match self.duplicate(delivery, &checked, &names, &mut taken).await? {
                None => records.push(self.seal(delivery, checked, names).await?),
                Some(column) => rejected.push(Rejected { line, broken: Broken { column, rule: Rule::Duplicate } }),
            }
        }
        Ok((records, rejected))
    }

    /// From here on nobody knows the identifiers.
    async fn seal(&self, delivery: &Delivery, checked: Checked, names: Names) -> Result<NewRecord, Unanswered> {
        let catalogue = &delivery.grant.grant().in_force.policy.catalogue;
        let spec = catalogue.dataset(delivery.dataset);
        let record_id: [u8; 16] = self.entropy.bytes()?;
        let Names { pseudonym, blind_indexes } = names;
        let Checked { record_type, cells, .. } = checked;
        let name = &catalogue.record_type(record_type).name;
        let subject_category = match &spec.subject_category {
            SubjectCategory::Always(category) => category.clone(),
            SubjectCategory::Column(at) => match cells.get(*at) {
                Some(CheckedCell::Text(category)) => category.to_string(),
                _ => return Err(Unanswered::Fault),
            },
        };
        let mut stored = Vec::with_capacity(cells.len());
        for (column, cell) in spec.columns.iter().zip(&cells) {
            let place = CellPlace { dataset: &spec.id, record_type: name, column: &column.name, record_id: &record_id };
            stored.push(match cell {
                CheckedCell::Empty => StoredCell::Empty,
                CheckedCell::Subject(other) => {
                    let other = self.pseudonymise(spec, other).await?;
                    StoredCell::Bytes(other.bytes_in(&spec.id).ok_or(Unanswered::Fault)?.to_vec())
                }
                CheckedCell::Text(text) if column.sealed => {
                    StoredCell::Bytes(self.keyring.seal(place, text.as_bytes(), &*self.entropy).await?)
                }
                CheckedCell::Text(text) => {
                    debug_assert!(column.kind != ColumnKind::Subject, "a subject is checked into an identifier");
                    StoredCell::Plain(text.to_string())
                }
            });
        }
        Ok(NewRecord {
            record_id,
            pseudonym,
            record_type,
            cells: stored,
            blind_indexes,
            as_of: delivery.today,
            source: delivery.source.to_stored(),
            subject_category,
            salt: self.entropy.bytes()?,
            key_epoch: self.keyring.epoch(&spec.id)?,
        })
    }
}

/// Merkle root (RFC 6962) over the records' commitments, in stored order.
fn root(spec: &DatasetSpec, records: &[NewRecord]) -> Result<Hash, Unanswered> {
    let mut tree = Frontier::new();
    for record in records {
        tree.push(leaf_hash(&record.commitment(&spec.id).ok_or(Unanswered::Fault)?));
    }
    Ok(tree.root())
}

impl From<StoreError> for Unanswered {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a store failed");
        Unanswered::Fault
    }
}

impl From<NoEntropy> for Unanswered {
    fn from(error: NoEntropy) -> Self {
        tracing::error!(%error, "a batch was not stored");
        Unanswered::Fault
    }
}
