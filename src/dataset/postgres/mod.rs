//! A dataset's store on PostgreSQL: a database of its own, reached as a role that sees no other.

mod insertion;
mod look_ups;

use super::{
    catalogue::{Catalogue, DatasetIndex, DatasetSpec},
    ddl,
    record::StoredRecord,
    row,
    statements::Statements,
    store::{Batch, BatchKept, Store, StoreError},
};
use crate::{
    access::Address,
    database::{
        Engine, NotTheStore,
        postgres::{Lanes, Server},
    },
    ids::DatasetId,
    pseudonym::Pseudonym,
};
use async_trait::async_trait;
use look_ups::LookUps;
use sqlx::{Row, postgres::PgRow};
use std::{fmt, sync::Arc};

/// One dataset's store.
pub struct PostgresDataset {
    catalogue: Arc<Catalogue>,
    dataset: DatasetIndex,
    statements: Arc<Statements>,
    look_ups: LookUps,
    /// For all else: nobody who looks up waits for a load.
    lane: Lanes,
}

impl PostgresDataset {
    /// Connects, and checks that the table is the one the catalogue speaks of.
    pub async fn open(server: &Server, catalogue: Arc<Catalogue>, dataset: DatasetIndex) -> Result<Self, StoreError> {
        let spec = catalogue.dataset(dataset);
        let statements = Arc::new(Statements::of(spec, Engine::Postgres));
        let store = Self {
            look_ups: LookUps::open(server, statements.clone(), catalogue.clone()),
            lane: Lanes::open(server, 1),
            statements,
            catalogue: catalogue.clone(),
            dataset,
        };
        store.check_layout(spec).await?;
        Ok(store)
    }

    async fn check_layout(&self, spec: &DatasetSpec) -> Result<(), StoreError> {
        let found: Vec<(String, String)> = self
            .lane
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
        ddl::check(spec, Engine::Postgres, &found)
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

impl fmt::Debug for PostgresDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDataset").field("dataset", self.id()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for PostgresDataset {
    async fn fetch(&self, address: &Address) -> Result<Vec<StoredRecord>, StoreError> {
        let (pseudonym, selection) = (self.own_bytes(address.pseudonym())?, address.selection());
        let rows = self.look_ups.rows(pseudonym, selection).await.map_err(|source| self.failed(source))?;
        // Rows of another subject in this one's answer would be the worst that can happen: each is looked at again.
        let own = |row: &PgRow| row.try_get::<&[u8], _>(row::PSEUDONYM).is_ok_and(|of| of == pseudonym);
        let spec = self.catalogue.dataset(self.dataset);
        let record = |one| row::record(one, spec, selection, &self.catalogue).filter(|_| own(one));
        rows.iter().map(|one| record(one).ok_or_else(|| StoreError::Row(self.id().clone()))).collect()
    }

    async fn holds_value(&self, unique_column: usize, index: &[u8; 32]) -> Result<bool, StoreError> {
        let known = self.statements.holds_value(unique_column).ok_or_else(|| StoreError::Foreign(self.id().clone()))?;
        let index = index.to_vec();
        self.lane
            .run(move |connection| Box::pin(sqlx::query_scalar(known).bind(index).fetch_one(connection)))
            .await
            .map_err(|source| self.failed(source))
    }

    async fn holds_subject(&self, record_type: &str, pseudonym: &Pseudonym) -> Result<bool, StoreError> {
        let (record_type, pseudonym) = (record_type.to_owned(), self.own_bytes(pseudonym)?.to_vec());
        self.lane
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
        let insertions = insertion::all(&batch, self.id(), &self.catalogue)?;
        let statements = self.statements.clone();
        self.lane
            .run(move |connection| Box::pin(insertion::insert(connection, statements, batch, insertions)))
            .await
            .map_err(|source| self.failed(source))
    }

    async fn batch(&self, batch: &[u8]) -> Result<Option<BatchKept>, StoreError> {
        let batch = batch.to_vec();
        let row: Option<(i64, Vec<u8>)> = self
            .lane
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

    async fn present(&self) -> Result<(), StoreError> {
        let asked = self.lane.run(|connection| Box::pin(sqlx::query("SELECT 1").execute(connection))).await;
        if self.lane.is_estranged() {
            return Err(StoreError::NotTheStore { dataset: self.id().clone(), source: NotTheStore::Gone });
        }
        asked.map(drop).map_err(|source| self.failed(source))
    }

    async fn close(&self) {
        self.look_ups.close().await;
        self.lane.close().await;
    }
}
