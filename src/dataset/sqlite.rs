//! A dataset's store on SQLite: one file, its own tables, nothing of any other dataset.

use super::{
    catalogue::{Catalogue, DatasetIndex, DatasetSpec},
    record::{StoredCell, StoredRecord},
    row,
    statements::Statements,
    store::{Batch, BatchKept, Store, StoreError},
};
use crate::{
    access::Address,
    database::{self, Engine, FileIdentity, NotTheStore},
    ids::DatasetId,
    pseudonym::Pseudonym,
};
use async_trait::async_trait;
use sqlx::SqlitePool;
use std::{path::Path, sync::Arc};

/// One dataset's store.
#[derive(Debug)]
pub struct SqliteDataset {
    catalogue: Arc<Catalogue>,
    dataset: DatasetIndex,
    statements: Statements,
    file: FileIdentity,
    pool: SqlitePool,
}

/// With so many records a store is not young any more: it has pages by the hundred.
const YOUNG: i64 = 2_000;

impl SqliteDataset {
    /// Opens the store that is there, brings its layout up to date, and checks that its table is the one the catalogue speaks of.
    pub async fn open(path: &Path, catalogue: Arc<Catalogue>, dataset: DatasetIndex) -> Result<Self, StoreError> {
        let spec = catalogue.dataset(dataset);
        let failed = |source| StoreError::Database { dataset: spec.id.clone(), source };
        let pool = database::sqlite::open_pool(path).await.map_err(failed)?;
        let file = FileIdentity::of(path).map_err(|error| failed(sqlx::Error::Io(error)))?;
        let mut connection = pool.acquire().await.map_err(failed)?;
        database::sqlite::migrate_dataset(&mut connection, &catalogue, spec).await.map_err(failed)?;
        drop(connection);
        let statements = Statements::of(spec, Engine::Sqlite);
        check_layout(&pool, spec).await?;
        Ok(Self { statements, catalogue, dataset, file, pool })
    }
}

#[async_trait]
impl Store for SqliteDataset {
    async fn fetch(&self, address: &Address) -> Result<Vec<StoredRecord>, StoreError> {
        self.present().await?;
        let pseudonym = self.own_bytes(address.pseudonym())?;
        let (spec, selection) = (self.catalogue.dataset(self.dataset), address.selection());
        let rows = sqlx::query(self.statements.fetch(selection, &self.catalogue))
            .bind(pseudonym)
            .fetch_all(&self.pool)
            .await
            .map_err(|source| self.failed(source))?;
        let record = |one| row::record(one, spec, selection, &self.catalogue);
        rows.iter().map(|one| record(one).ok_or_else(|| StoreError::Row(self.id().clone()))).collect()
    }

    async fn holds_value(&self, unique_column: usize, index: &[u8; 32]) -> Result<bool, StoreError> {
        self.present().await?;
        let known = self.statements.holds_value(unique_column).ok_or_else(|| StoreError::Foreign(self.id().clone()))?;
        let found: i64 = sqlx::query_scalar(known)
            .bind(&index[..])
            .fetch_one(&self.pool)
            .await
            .map_err(|source| self.failed(source))?;
        Ok(found != 0)
    }

    async fn holds_subject(&self, record_type: &str, pseudonym: &Pseudonym) -> Result<bool, StoreError> {
        self.present().await?;
        let found: i64 =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM record WHERE pseudonym = ?1 AND record_type = ?2)")
                .bind(self.own_bytes(pseudonym)?)
                .bind(record_type)
                .fetch_one(&self.pool)
                .await
                .map_err(|source| self.failed(source))?;
        Ok(found != 0)
    }

    async fn insert(&self, batch: Batch) -> Result<(), StoreError> {
        let Batch { name: batch, day, root, records } = batch;
        self.present().await?;
        let failed = |source| self.failed(source);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        sqlx::query("INSERT INTO batch (batch, day, records, root) VALUES (?1, ?2, ?3, ?4)")
            .bind(&batch[..])
            .bind(day.to_string())
            .bind(records.len() as i64)
            .bind(&root[..])
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        for (position, record) in records.iter().enumerate() {
            let mut insert = sqlx::query(self.statements.insert())
                .bind(record.record_id.to_vec())
                .bind(self.own_bytes(&record.pseudonym)?.to_vec())
                .bind(self.catalogue.record_type(record.record_type).name.clone())
                .bind(record.as_of.to_string())
                .bind(record.source.clone())
                .bind(record.subject_category.clone())
                .bind(batch.to_vec())
                .bind(position as i64)
                .bind(record.salt.to_vec())
                .bind(i64::from(record.key_epoch));
            for index in &record.blind_indexes {
                insert = insert.bind(index.to_vec());
            }
            for cell in &record.cells {
                insert = match cell {
                    StoredCell::Empty => insert.bind(None::<String>),
                    StoredCell::Plain(text) => insert.bind(text.clone()),
                    StoredCell::Bytes(bytes) => insert.bind(bytes.clone()),
                };
            }
            insert.execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        // Into a file that was removed meanwhile it went for nothing.
        self.present().await?;
        self.forget_order().await;
        Ok(())
    }

    async fn batch(&self, batch: &[u8]) -> Result<Option<BatchKept>, StoreError> {
        let row: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT records, root FROM batch WHERE batch = ?1")
            .bind(batch)
            .fetch_optional(&self.pool)
            .await
            .map_err(|source| self.failed(source))?;
        Ok(row.map(|(records, root)| BatchKept { records: records.unsigned_abs(), root }))
    }

    async fn present(&self) -> Result<(), StoreError> {
        match self.file.length() {
            Some(_) => Ok(()),
            None => Err(StoreError::NotTheStore { dataset: self.id().clone(), source: NotTheStore::Gone }),
        }
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

impl SqliteDataset {
    /// INVARIANT (apart): a write-ahead log has transactions in the order in which they came, so two stolen ones would join the
    /// subjects whose records were put in one by one. It is emptied after each batch. Where that fails, or a reader is in the way,
    /// the next batch does it.
    ///
    /// A page of a table keeps its rows in the order in which they came, too. In a store of some size the rows of a page have nothing
    /// to do with one another, but in a young one they are the last that came, so a young store is written anew, by key.
    async fn forget_order(&self) {
        if let Err(error) = self.rewrite_if_young().await {
            tracing::warn!(dataset = %self.id(), %error, "a young store could not be written anew; the next batch tries again");
        }
        let emptied = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.pool).await;
        let busy = emptied.map(|(busy, _, _): (i64, i64, i64)| busy != 0);
        if !matches!(busy, Ok(false)) {
            tracing::warn!(dataset = %self.id(), "the write-ahead log of a store could not be emptied; the next batch tries again");
        }
    }

    async fn rewrite_if_young(&self) -> sqlx::Result<()> {
        let young: bool = sqlx::query_scalar("SELECT count(*) < ?1 FROM (SELECT 1 FROM record LIMIT ?1)")
            .bind(YOUNG)
            .fetch_one(&self.pool)
            .await?;
        if young {
            sqlx::query("VACUUM").execute(&self.pool).await?;
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
}

async fn check_layout(pool: &SqlitePool, spec: &DatasetSpec) -> Result<(), StoreError> {
    let found: Vec<(String, String)> = sqlx::query_as("SELECT name, type FROM pragma_table_info('record')")
        .fetch_all(pool)
        .await
        .map_err(|source| StoreError::Database { dataset: spec.id.clone(), source })?;
    super::ddl::check(spec, Engine::Sqlite, &found)
}
