//! A dataset's store on PostgreSQL: a database of its own, reached as a role that sees no other.

use super::{
    catalogue::{Catalogue, Column, DatasetIndex, DatasetSpec, Kind},
    record::{Selection, StoredCell, StoredRecord},
    statements::Statements,
    store::{Batch, BatchKept, Store, StoreError},
};
use crate::{
    access::Address,
    database::{
        Engine,
        postgres::{Lanes, Server, heard},
    },
    ids::DatasetId,
    pseudonym::Pseudonym,
};
use async_trait::async_trait;
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;

/// One dataset's store.
pub struct PostgresDataset {
    catalogue: Arc<Catalogue>,
    dataset: DatasetIndex,
    statements: Arc<Statements>,
    lanes: Lanes,
    waiting: Arc<Waiting>,
}

/// Look-ups that no connection has taken yet. Whichever is free next takes all of them: those for the same columns go in one
/// statement. There is no timer, so that a single look-up waits for nobody.
#[derive(Default)]
struct Waiting(Mutex<Vec<LookUp>>);

struct LookUp {
    pseudonym: Vec<u8>,
    selection: Selection,
    reply: oneshot::Sender<Arc<Vec<PgRow>>>,
}

/// Connections of one broker to one dataset. Each does one statement at a time for everybody who waits, so few are enough.
const LANES: usize = 2;
/// So many records go in with one statement.
const AT_ONCE: usize = 1_000;
/// INVARIANT (apart): a table keeps its rows in the order in which they came, each with the number of its transaction, so two stolen
/// ones would join the subjects whose records were put in one by one. With each batch the last pages of the table are written anew,
/// ordered by what is random: what comes in singly is mixed with the hundred or so that came before it, and again with those after.
const STIR: &str = "\
WITH last AS (DELETE FROM record \
WHERE ctid >= format('(%s,0)', greatest(pg_relation_size('record') / current_setting('block_size')::bigint - 8, 0))::tid RETURNING *) \
INSERT INTO record SELECT * FROM last ORDER BY record_id";
/// Where a row of a look-up has the pseudonym.
const PSEUDONYM: usize = 6;

impl PostgresDataset {
    /// Connects, and checks that the table is the one the catalogue speaks of.
    pub async fn open(server: &Server, catalogue: Arc<Catalogue>, dataset: DatasetIndex) -> Result<Self, StoreError> {
        let spec = catalogue.dataset(dataset);
        let statements = Arc::new(Statements::of(spec, Engine::Postgres));
        let store = Self {
            statements,
            catalogue: catalogue.clone(),
            dataset,
            lanes: Lanes::open(server, LANES),
            waiting: Arc::default(),
        };
        store.check_layout(spec).await?;
        Ok(store)
    }

    /// Each column that is there must have its type: a store that lacks one would fail at the first question instead.
    async fn check_layout(&self, spec: &DatasetSpec) -> Result<(), StoreError> {
        let found: Vec<(String, String)> = self
            .lanes
            .run(|connection| {
                Box::pin(
                    sqlx::query_as(
                        "SELECT column_name::text, data_type::text FROM information_schema.columns \
                         WHERE table_schema = 'public' AND table_name = 'record'",
                    )
                    .fetch_all(connection),
                )
            })
            .await
            .map_err(|source| self.failed(source))?;
        for (column, wanted) in super::ddl::columns(spec) {
            let wanted = match wanted {
                "BLOB" => "bytea",
                "INTEGER" => "bigint",
                _ => "text",
            };
            let what = match found.iter().find(|(name, _)| *name == column) {
                None => "is missing",
                Some((_, known)) if known != wanted => "has another type",
                Some(_) => continue,
            };
            return Err(StoreError::Layout { dataset: spec.id.clone(), column, what });
        }
        Ok(())
    }

    fn id(&self) -> &DatasetId {
        &self.catalogue.dataset(self.dataset).id
    }

    fn own_bytes<'a>(&self, pseudonym: &'a Pseudonym) -> Result<&'a [u8], StoreError> {
        pseudonym.bytes_in(self.id()).ok_or_else(|| StoreError::Foreign(self.id().clone()))
    }

    fn failed(&self, source: sqlx::Error) -> StoreError {
        StoreError::Database { dataset: self.id().clone(), source }
    }

    fn record(&self, row: &PgRow) -> Option<StoredRecord> {
        const OWN: usize = 7;
        let spec = self.catalogue.dataset(self.dataset);
        let name: &str = row.try_get(1).ok()?;
        let record_type = *spec.record_types.iter().find(|id| self.catalogue.record_type(**id).name == name)?;
        let cell = |(at, column): (usize, &Column)| {
            if column.sealed || column.kind == Kind::Subject {
                let bytes: Option<Vec<u8>> = row.try_get(OWN + at).ok()?;
                Some(bytes.map_or(StoredCell::Empty, StoredCell::Bytes))
            } else {
                let text: Option<String> = row.try_get(OWN + at).ok()?;
                Some(text.map_or(StoredCell::Empty, StoredCell::Plain))
            }
        };
        Some(StoredRecord {
            record_id: row.try_get::<&[u8], _>(0).ok()?.try_into().ok()?,
            record_type,
            as_of: row.try_get::<&str, _>(2).ok()?.parse().ok()?,
            source: row.try_get(3).ok()?,
            subject_category: row.try_get(4).ok()?,
            disputed: row.try_get::<i64, _>(5).ok()? != 0,
            cells: spec.columns.iter().enumerate().map(cell).collect::<Option<_>>()?,
        })
    }

    fn insertions(&self, batch: &Batch) -> Result<Vec<Insertion>, StoreError> {
        let insertion = |(position, record): (usize, &super::NewRecord)| {
            Ok(Insertion {
                record_id: record.record_id.to_vec(),
                pseudonym: self.own_bytes(&record.pseudonym)?.to_vec(),
                record_type: self.catalogue.record_type(record.record_type).name.clone(),
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
}

impl fmt::Debug for PostgresDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDataset").field("dataset", self.id()).finish_non_exhaustive()
    }
}

/// A record as its row will be.
struct Insertion {
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

#[async_trait]
impl Store for PostgresDataset {
    async fn fetch(&self, address: &Address) -> Result<Vec<StoredRecord>, StoreError> {
        let pseudonym = self.own_bytes(address.pseudonym())?.to_vec();
        let (reply, mut found) = oneshot::channel();
        let (begin, begun) = oneshot::channel();
        let look_up = LookUp { pseudonym: pseudonym.clone(), selection: address.selection().clone(), reply };
        self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner).push(look_up);
        let (waiting, statements, catalogue) = (self.waiting.clone(), self.statements.clone(), self.catalogue.clone());
        self.lanes
            .give(Box::new(move |connection| {
                let _ = begin.send(());
                Box::pin(look_up_all(connection, waiting, statements, catalogue))
            }))
            .map_err(|source| self.failed(source))?;
        // Work that is dropped before it began had no connection; a reply that is gone tells that the statement failed. Telemetry
        // has why.
        let rows = tokio::select! {
            biased;
            rows = &mut found => rows,
            begun = begun => match begun {
                Ok(()) => found.await,
                Err(gone) => Err(gone),
            },
        };
        let rows = rows.map_err(|_| self.failed(sqlx::Error::WorkerCrashed))?;
        // Rows of another subject in this one's answer would be the worst that can happen: each is looked at again.
        let own = |row: &PgRow| row.try_get::<&[u8], _>(PSEUDONYM).is_ok_and(|of| of == pseudonym);
        let record = |row| self.record(row).filter(|_| own(row)).ok_or_else(|| StoreError::Row(self.id().clone()));
        rows.iter().map(record).collect()
    }

    async fn holds_value(&self, unique_column: usize, index: &[u8; 32]) -> Result<bool, StoreError> {
        let known = self.statements.holds_value(unique_column).ok_or_else(|| StoreError::Foreign(self.id().clone()))?;
        let index = index.to_vec();
        self.lanes
            .run(move |connection| Box::pin(sqlx::query_scalar(known).bind(index).fetch_one(connection)))
            .await
            .map_err(|source| self.failed(source))
    }

    async fn holds_subject(&self, record_type: &str, pseudonym: &Pseudonym) -> Result<bool, StoreError> {
        let (record_type, pseudonym) = (record_type.to_owned(), self.own_bytes(pseudonym)?.to_vec());
        self.lanes
            .run(|connection| {
                Box::pin(
                    sqlx::query_scalar(
                        "SELECT EXISTS (SELECT 1 FROM record WHERE pseudonym = $1 AND record_type = $2)",
                    )
                    .bind(pseudonym)
                    .bind(record_type)
                    .fetch_one(connection),
                )
            })
            .await
            .map_err(|source| self.failed(source))
    }

    async fn insert(&self, batch: Batch) -> Result<(), StoreError> {
        let (insertions, statements) = (self.insertions(&batch)?, self.statements.clone());
        self.lanes
            .run(move |connection| Box::pin(insert(connection, statements, batch, insertions)))
            .await
            .map_err(|source| self.failed(source))
    }

    async fn batch(&self, batch: &[u8]) -> Result<Option<BatchKept>, StoreError> {
        let batch = batch.to_vec();
        let row: Option<(i64, Vec<u8>)> = self
            .lanes
            .run(|connection| {
                Box::pin(
                    sqlx::query_as("SELECT records, root FROM batch WHERE batch = $1")
                        .bind(batch)
                        .fetch_optional(connection),
                )
            })
            .await
            .map_err(|source| self.failed(source))?;
        Ok(row.map(|(records, root)| BatchKept { records: records.unsigned_abs(), root }))
    }

    async fn close(&self) {
        self.lanes.close().await;
    }
}

/// Takes every look-up that waits. Those of one selection share a statement; whoever comes second finds nothing left to do.
async fn look_up_all(
    connection: &mut PgConnection,
    waiting: Arc<Waiting>,
    statements: Arc<Statements>,
    catalogue: Arc<Catalogue>,
) -> bool {
    let mut taken = mem::take(&mut *waiting.0.lock().unwrap_or_else(PoisonError::into_inner));
    taken.retain(|look_up| !look_up.reply.is_closed());
    while let Some(first) = taken.pop() {
        let (alike, others): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|look_up| look_up.selection == first.selection);
        taken = others;
        let (types, masks): (Vec<String>, Vec<i64>) = first
            .selection
            .masks()
            .map(|(record_type, mask)| (catalogue.record_type(record_type).name.clone(), mask.cast_signed()))
            .unzip();
        let asked: Vec<&[u8]> =
            std::iter::once(&first).chain(&alike).map(|look_up| look_up.pseudonym.as_slice()).collect();
        let found = sqlx::query(statements.fetch())
            .bind(asked)
            .bind(types)
            .bind(masks)
            .fetch_all(&mut *connection)
            .await
            .and_then(by_pseudonym);
        match found {
            Ok(rows) => {
                for look_up in std::iter::once(first).chain(alike) {
                    let own = rows.get(&look_up.pseudonym).cloned().unwrap_or_default();
                    drop(look_up.reply.send(own));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "look-ups failed");
                // Whoever asked learns of it by the reply that is gone; a connection that failed is not used again.
                return false;
            }
        }
    }
    true
}

fn by_pseudonym(rows: Vec<PgRow>) -> sqlx::Result<HashMap<Vec<u8>, Arc<Vec<PgRow>>>> {
    let mut of: HashMap<Vec<u8>, Vec<PgRow>> = HashMap::new();
    for row in rows {
        let pseudonym: Vec<u8> = row.try_get(PSEUDONYM)?;
        of.entry(pseudonym).or_default().push(row);
    }
    Ok(of.into_iter().map(|(pseudonym, rows)| (pseudonym, Arc::new(rows))).collect())
}

async fn insert(
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
