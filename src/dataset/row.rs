//! A row of a store as a record, whatever the engine.

use super::{
    catalogue::{Catalogue, Column, DatasetSpec, Kind},
    record::{Selection, StoredCell, StoredRecord},
};
use sqlx::{ColumnIndex, Decode, Row, Type};

/// What a look-up gives of every record, before the columns that were selected.
pub(super) const OWN: [&str; 7] =
    ["record_id", "record_type", "as_of", "source", "subject_category", "disputed", "pseudonym"];
/// Where among them the pseudonym is.
pub(super) const PSEUDONYM: usize = 6;

/// None where the row is not as the catalogue says.
pub(super) fn record<'r, R: Row>(
    row: &'r R,
    spec: &DatasetSpec,
    selection: &Selection,
    catalogue: &Catalogue,
) -> Option<StoredRecord>
where
    usize: ColumnIndex<R>,
    &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let text = |at: usize| row.try_get::<&str, _>(at).ok();
    let name = text(1)?;
    let record_type = *spec.record_types.iter().find(|id| catalogue.record_type(**id).name == name)?;
    let mut selected = OWN.len()..;
    let mut cell = |(at, column): (usize, &Column)| {
        let Some(place) = selection.has(at).then(|| selected.next()).flatten() else { return Some(StoredCell::Empty) };
        Some(if column.sealed || column.kind == Kind::Subject {
            let bytes: Option<&[u8]> = row.try_get(place).ok()?;
            bytes.map_or(StoredCell::Empty, |bytes| StoredCell::Bytes(bytes.to_vec()))
        } else {
            let text: Option<&str> = row.try_get(place).ok()?;
            text.map_or(StoredCell::Empty, |text| StoredCell::Plain(text.to_owned()))
        })
    };
    Some(StoredRecord {
        record_id: row.try_get::<&[u8], _>(0).ok()?.try_into().ok()?,
        record_type,
        as_of: text(2)?.parse().ok()?,
        source: text(3)?.to_owned(),
        subject_category: text(4)?.to_owned(),
        disputed: row.try_get::<i64, _>(5).ok()? != 0,
        cells: spec.columns.iter().enumerate().map(&mut cell).collect::<Option<_>>()?,
    })
}
