//! 6. Link: the records of the datasets come together, for this answer only. The agreement's condition is held against the subject,
//!    cells are unsealed, and names of other subjects become handles.

use super::{Fetched, Unanswered};
use crate::{
    access_log::SubjectPart,
    dataset::{
        Source, StoredCell, StoredRecord, Value,
        catalogue::{Column, DatasetIndex, DatasetSpec, Kind, RecordTypeId},
    },
    policy::Grant,
    pseudonym::{CellPlace, Handle, Keyring, Pseudonym},
};
use jiff::civil::Date;
use std::string::FromUtf8Error;
use zeroize::Zeroizing;

/// Everything that is held on one subject and covered by the grant, unredacted. It cannot be rendered, only redacted.
#[expect(missing_debug_implementations, reason = "holds personal data")]
pub struct Linked {
    pub(super) grant: Grant,
    pub(super) records: Vec<LinkedRecord>,
    pub(super) handle: Handle,
    pub(super) subject: SubjectPart,
}

/// One record, opened.
#[expect(missing_debug_implementations, reason = "holds personal data")]
pub struct LinkedRecord {
    pub(super) record_type: RecordTypeId,
    pub(super) values: Vec<Option<LinkedValue>>,
    pub(super) source: String,
    pub(super) as_of: Date,
    pub(super) subject_category: String,
    pub(super) disputed: bool,
}

/// A value, or the handle of another subject.
pub(super) enum LinkedValue {
    Value(Value),
    Handle(Handle),
}

/// Joins what was fetched. Whether anything of it is released is found out before a cell is opened: whatever keeps an answer empty
/// costs little more than a subject on whom nothing is held.
#[tracing::instrument(skip_all)]
pub(super) async fn link(fetched: Fetched, keyring: &Keyring) -> Result<Linked, Unanswered> {
    let Fetched { grant, mut records, handle, mut subject, restricted } = fetched;
    let catalogue = &grant.in_force.policy.catalogue;
    subject.reason = if restricted {
        Some("restricted")
    } else if records.iter().all(|(_, held)| held.is_empty()) {
        Some("nothing_held")
    } else if !keep_covered(&grant, &mut records)? {
        Some("condition_not_met")
    } else {
        None
    };
    if subject.reason.is_some() {
        // INVARIANT (no-oracle): all of these read alike.
        records.clear();
    }
    let mut linked = Vec::new();
    for (dataset, held) in records {
        let spec = catalogue.dataset(dataset);
        for record in held {
            linked.push(open(record, spec, &grant, keyring).await?);
        }
    }
    Ok(Linked { grant, records: linked, handle, subject })
}

/// Of the record type that the agreement's condition is about, only what counts for it and satisfies it is released; where nothing does,
/// the subject is not covered.
fn keep_covered(grant: &Grant, records: &mut [(DatasetIndex, Vec<StoredRecord>)]) -> Result<bool, Unanswered> {
    let Some(condition) = &grant.agreement().condition else { return Ok(true) };
    let catalogue = &grant.in_force.policy.catalogue;
    let dataset = catalogue.record_type(condition.record_type).dataset;
    let Some((_, held)) = records.iter_mut().find(|(at, _)| *at == dataset) else { return Ok(false) };
    let mut covered = false;
    let mut kept = Vec::with_capacity(held.len());
    for record in held.drain(..) {
        let satisfies = record.record_type != condition.record_type
            || (condition.counts(&Source::stored(&record.source), &grant.agreement().parties)
                && condition.holds(&in_the_clear(catalogue.dataset(dataset), &record)?, grant.today));
        covered |= satisfies && record.record_type == condition.record_type;
        kept.extend(satisfies.then_some(record));
    }
    *held = kept;
    Ok(covered)
}

/// The values that are not sealed: a condition looks at no others.
fn in_the_clear(spec: &DatasetSpec, record: &StoredRecord) -> Result<Vec<Option<Value>>, Unanswered> {
    let values = spec.columns.iter().zip(&record.cells).map(|(column, cell)| match cell {
        StoredCell::Plain(text) => of_kind(column, Zeroizing::new(text.clone())).map(Some),
        StoredCell::Empty | StoredCell::Bytes(_) => Ok(None),
    });
    values.collect()
}

async fn open(
    record: StoredRecord,
    spec: &DatasetSpec,
    grant: &Grant,
    keyring: &Keyring,
) -> Result<LinkedRecord, Unanswered> {
    let StoredRecord { record_id, record_type, cells, as_of, source, subject_category, disputed } = record;
    let name = &grant.in_force.policy.catalogue.record_type(record_type).name;
    let mut values = Vec::with_capacity(cells.len());
    for (column, cell) in spec.columns.iter().zip(cells) {
        let place = CellPlace { dataset: &spec.id, record_type: name, column: &column.name, record_id: &record_id };
        values.push(match value(column, cell, place, keyring).await? {
            Some(Value::Subject(other)) => {
                let handles = keyring.translate(&spec.id, &[other], &grant.recipient).await?;
                handles.into_iter().next().map(LinkedValue::Handle)
            }
            value => value.map(LinkedValue::Value),
        });
    }
    let source = Source::stored(&source).name;
    Ok(LinkedRecord { record_type, values, source, as_of, subject_category, disputed })
}

async fn value(
    column: &Column,
    cell: StoredCell,
    place: CellPlace<'_>,
    keyring: &Keyring,
) -> Result<Option<Value>, Unanswered> {
    let text = match cell {
        StoredCell::Empty => return Ok(None),
        StoredCell::Bytes(bytes) if column.kind == Kind::Subject => {
            return Pseudonym::stored(place.dataset, &bytes)
                .map(|known| Some(Value::Subject(known)))
                .ok_or(Unanswered::Fault);
        }
        StoredCell::Bytes(sealed) => {
            let mut plain = keyring.unseal(place, &sealed).await?;
            // What is no text comes back with the error, and is wiped.
            let wiped = |not: FromUtf8Error| drop(Zeroizing::new(not.into_bytes()));
            let text = String::from_utf8(std::mem::take(&mut *plain)).map_err(wiped);
            Zeroizing::new(text.map_err(|()| Unanswered::Fault)?)
        }
        StoredCell::Plain(text) => Zeroizing::new(text),
    };
    of_kind(column, text).map(Some)
}

fn of_kind(column: &Column, text: Zeroizing<String>) -> Result<Value, Unanswered> {
    match column.kind {
        Kind::Date => text.parse().map(Value::Date).map_err(|_| Unanswered::Fault),
        _ => Ok(Value::Text(text)),
    }
}
