//! 6. Link: the records of the datasets come together, for this answer only. Cells are unsealed, names of other subjects become
//!    handles, and the agreement's condition is held against the subject.

use super::{Fetched, Unanswered};
use crate::{
    access_log::SubjectPart,
    dataset::{
        StoredCell, StoredRecord, Value,
        catalogue::{Column, DatasetSpec, Kind, RecordTypeId},
    },
    policy::Grant,
    pseudonym::{CellPlace, Handle, Keyring, Pseudonym},
};
use jiff::civil::Date;
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

/// Joins what was fetched.
#[tracing::instrument(skip_all)]
pub(super) async fn link(fetched: Fetched, keyring: &Keyring) -> Result<Linked, Unanswered> {
    let Fetched { grant, records, handle, mut subject } = fetched;
    let mut linked = Vec::new();
    let mut held = false;
    {
        let policy = &grant.in_force.policy;
        let condition = grant.agreement().condition.as_ref();
        let mut covered = condition.is_none();
        for (dataset, stored) in records {
            let spec = policy.catalogue.dataset(dataset);
            for record in stored {
                held = true;
                let name = &policy.catalogue.record_type(record.record_type).name;
                let values = open(spec, name, &record, keyring).await?;
                if let Some(condition) = condition.filter(|condition| condition.record_type == record.record_type) {
                    // Only what satisfies the condition is released of its record type.
                    if !condition.holds(&values, grant.today) {
                        continue;
                    }
                    covered = true;
                }
                linked.push(finish(record, values, spec, &grant, keyring).await?);
            }
        }
        if !covered {
            // INVARIANT (no-oracle): outside the condition reads like nothing held.
            linked.clear();
        }
        subject.reason = match (held, covered) {
            (false, _) => Some("nothing_held"),
            (true, false) => Some("condition_not_met"),
            (true, true) => None,
        };
    }
    Ok(Linked { grant, records: linked, handle, subject })
}

async fn open(
    spec: &DatasetSpec,
    record_type: &str,
    record: &StoredRecord,
    keyring: &Keyring,
) -> Result<Vec<Option<Value>>, Unanswered> {
    let mut values = Vec::with_capacity(record.cells.len());
    for (column, cell) in spec.columns.iter().zip(&record.cells) {
        let place = CellPlace { dataset: &spec.id, record_type, column: &column.name, record_id: &record.record_id };
        values.push(value(column, cell, place, keyring).await?);
    }
    Ok(values)
}

async fn value(
    column: &Column,
    cell: &StoredCell,
    place: CellPlace<'_>,
    keyring: &Keyring,
) -> Result<Option<Value>, Unanswered> {
    let text = match cell {
        StoredCell::Empty => return Ok(None),
        StoredCell::Bytes(bytes) if column.kind == Kind::Subject => {
            return Pseudonym::stored(place.dataset, bytes)
                .map(|known| Some(Value::Subject(known)))
                .ok_or(Unanswered::Fault);
        }
        StoredCell::Bytes(sealed) => {
            let plain = keyring.unseal(place, sealed).await?;
            Zeroizing::new(std::str::from_utf8(&plain).map_err(|_| Unanswered::Fault)?.to_owned())
        }
        StoredCell::Plain(text) => Zeroizing::new(text.clone()),
    };
    match column.kind {
        Kind::Date => text.parse().map(|day| Some(Value::Date(day))).map_err(|_| Unanswered::Fault),
        _ => Ok(Some(Value::Text(text))),
    }
}

async fn finish(
    record: StoredRecord,
    values: Vec<Option<Value>>,
    spec: &DatasetSpec,
    grant: &Grant,
    keyring: &Keyring,
) -> Result<LinkedRecord, Unanswered> {
    let mut linked = Vec::with_capacity(values.len());
    for value in values {
        linked.push(match value {
            Some(Value::Subject(other)) => {
                let handles = keyring.translate(&spec.id, &[other], &grant.recipient).await?;
                handles.into_iter().next().map(LinkedValue::Handle)
            }
            other => other.map(LinkedValue::Value),
        });
    }
    let StoredRecord { record_type, source, as_of, subject_category, disputed, .. } = record;
    Ok(LinkedRecord { record_type, values: linked, source, as_of, subject_category, disputed })
}
