//! A batch on its way into a dataset's database: a statement for many records at once, a column an array.

use crate::{
    database::postgres::heard,
    dataset::{
        NewRecord, StoredCell,
        catalogue::Catalogue,
        statements::Statements,
        store::{Batch, StoreError},
    },
    ids::DatasetId,
};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;

/// So many records go in with one statement.
const AT_ONCE: usize = 1_000;
/// INVARIANT (apart): a table keeps its rows in the order in which they came, each with the number of its transaction, so two stolen
/// ones would join the subjects whose records were put in one by one. With each batch the last pages of the table are written anew,
/// ordered by what is random: what comes in singly is mixed with the hundred or so that came before it, and again with those after.
/// Where they begin is a query of its own: so it is asked once, and no other page is read.
const STIR: &str = "\
WITH last AS (DELETE FROM record \
WHERE ctid >= (SELECT format('(%s,0)', greatest(pg_relation_size('record') / current_setting('block_size')::bigint - 8, 0))::tid) \
RETURNING *) \
INSERT INTO record SELECT * FROM last ORDER BY pseudonym, record_id";

/// A record as its row will be.
pub(super) struct Insertion {
    record_id: Vec<u8>,
    pseudonym: Vec<u8>,
    record_type: String,
    as_of: String,
    source: String,
    subject_category: String,
    position: i64,
    salt: Vec<u8>,
    key_epoch: i64,
    blind_indexes: Vec<Vec<u8>>,
    cells: Vec<StoredCell>,
}

/// Those of a batch, in its order.
pub(super) fn all(batch: &Batch, dataset: &DatasetId, catalogue: &Catalogue) -> Result<Vec<Insertion>, StoreError> {
    let insertion = |(position, record): (usize, &NewRecord)| {
        let pseudonym = record.pseudonym.bytes_in(dataset).ok_or_else(|| StoreError::Foreign(dataset.clone()))?;
        Ok(Insertion {
            record_id: record.record_id.to_vec(),
            pseudonym: pseudonym.to_vec(),
            record_type: catalogue.record_type(record.record_type).name.clone(),
            as_of: record.as_of.to_string(),
            source: record.source.clone(),
            subject_category: record.subject_category.clone(),
            position: position as i64,
            salt: record.salt.to_vec(),
            key_epoch: i64::from(record.key_epoch),
            blind_indexes: record.blind_indexes.iter().map(|index| index.to_vec()).collect(),
            cells: record.cells.clone(),
        })
    };
    batch.records.iter().enumerate().map(insertion).collect()
}

/// All or nothing.
pub(super) async fn insert(
    connection: &mut PgConnection,
    statements: Arc<Statements>,
    batch: Batch,
    rows: Vec<Insertion>,
) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    sqlx::query("INSERT INTO batch (batch, day, records, root) VALUES ($1, $2, $3, $4)")
        .bind(&batch.name[..])
        .bind(batch.day.to_string())
        .bind(rows.len() as i64)
        .bind(&batch.root[..])
        .execute(&mut *transaction)
        .await?;
    for rows in rows.chunks(AT_ONCE) {
        let mut query = sqlx::query(statements.insert())
            .bind(column(rows, |row| row.record_id.as_slice()))
            .bind(column(rows, |row| row.pseudonym.as_slice()))
            .bind(column(rows, |row| row.record_type.as_str()))
            .bind(column(rows, |row| row.as_of.as_str()))
            .bind(column(rows, |row| row.source.as_str()))
            .bind(column(rows, |row| row.subject_category.as_str()))
            .bind(column(rows, |_| &batch.name[..]))
            .bind(column(rows, |row| row.position))
            .bind(column(rows, |row| row.salt.as_slice()))
            .bind(column(rows, |row| row.key_epoch));
        for at in 0..rows.first().map_or(0, |row| row.blind_indexes.len()) {
            query = query.bind(column(rows, |row| row.blind_indexes[at].as_slice()));
        }
        for (at, bytes) in statements.bytes().iter().enumerate() {
            query = if *bytes {
                query.bind(column(rows, |row| match &row.cells[at] {
                    StoredCell::Bytes(bytes) => Some(bytes.as_slice()),
                    StoredCell::Plain(_) | StoredCell::Empty => None,
                }))
            } else {
                query.bind(column(rows, |row| match &row.cells[at] {
                    StoredCell::Plain(text) => Some(text.as_str()),
                    StoredCell::Bytes(_) | StoredCell::Empty => None,
                }))
            };
        }
        query.execute(&mut *transaction).await?;
    }
    sqlx::query(STIR).execute(&mut *transaction).await?;
    // A warning tells of a commit that the synchronous standby does not have.
    match heard(transaction.commit()).await {
        (Ok(()), true) => Err(sqlx::Error::Protocol("the batch may be on one host only".to_owned())),
        (committed, _) => committed,
    }
}

fn column<'r, T>(rows: &'r [Insertion], cell: impl Fn(&'r Insertion) -> T) -> Vec<T> {
    rows.iter().map(cell).collect()
}
