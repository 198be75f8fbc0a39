//! What keeps a dataset: one trait, one file an engine.

use super::{
    catalogue::DatasetIndex,
    record::{NewRecord, StoredRecord},
};
use crate::{
    access::Address,
    database::{NotTheStore, postgres::refused},
    ids::DatasetId,
    pseudonym::Pseudonym,
};
use async_trait::async_trait;
use jiff::civil::Date;
use sqlx::postgres::PgDatabaseError;
use std::sync::Arc;

/// One dataset's store. It knows nothing of any other.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// What is held on the subject at that address: the columns of its selection and nothing else.
    async fn fetch(&self, address: &Address) -> Result<Vec<StoredRecord>, StoreError>;

    /// Whether a record with that blind index in the unique column is held.
    async fn holds_value(&self, unique_column: usize, index: &[u8; 32]) -> Result<bool, StoreError>;

    /// Whether a record of that type is held on the subject.
    async fn holds_subject(&self, record_type: &str, pseudonym: &Pseudonym) -> Result<bool, StoreError>;

    /// Stores a batch whole or not at all: the records in their order, and what was committed to.
    async fn insert(&self, batch: Batch) -> Result<(), StoreError>;

    /// What is known of a batch; none where it did not arrive.
    async fn batch(&self, batch: &[u8]) -> Result<Option<BatchKept>, StoreError>;

    /// Whether it is still the store that was opened.
    async fn present(&self) -> Result<(), StoreError>;

    /// Ends what is under way and closes.
    async fn close(&self);
}

/// The stores of a deployment, in the order of the catalogue.
#[derive(Debug, Clone)]
pub struct Stores(Arc<[Box<dyn Store>]>);

impl Stores {
    /// One a dataset of the catalogue, in its order.
    pub fn new(stores: Vec<Box<dyn Store>>) -> Self {
        Self(stores.into())
    }

    /// The store of a dataset.
    pub fn of(&self, dataset: DatasetIndex) -> Option<&dyn Store> {
        self.0.get(dataset.position()).map(AsRef::as_ref)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Store> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Records that come in together.
#[expect(missing_debug_implementations, reason = "personal data must not be printable")]
pub struct Batch {
    /// Random name; the input entry has it.
    pub name: [u8; 16],
    /// The day it came in.
    pub day: Date,
    /// Merkle root (RFC 6962) over the records' commitments.
    pub root: [u8; 32],
    /// The records, shuffled.
    pub records: Vec<NewRecord>,
}

/// What a store knows of a batch that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchKept {
    /// How many records it had.
    pub records: u64,
    /// Merkle root over their commitments.
    pub root: Vec<u8>,
}

impl StoreError {
    /// Whether the database said that it did nothing. Otherwise it may have done it and not said so.
    pub(crate) fn is_refusal(&self) -> bool {
        let StoreError::Database { source, .. } = self else { return true };
        let on_a_server = source.as_database_error().and_then(|said| said.try_downcast_ref::<PgDatabaseError>());
        on_a_server.map_or(source.as_database_error().is_some(), |_| refused(source))
    }
}

/// A store that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no. Its words may hold SQL text, never a bound value.
    #[error("the store of `{dataset}` failed: {source}")]
    Database {
        /// Which.
        dataset: DatasetId,
        /// Why.
        source: sqlx::Error,
    },
    /// It is gone, or another database is in its place: nobody can say what it held.
    #[error("the store of `{dataset}` {source}")]
    NotTheStore {
        /// Which.
        dataset: DatasetId,
        /// How.
        source: NotTheStore,
    },
    /// The table is not what the catalogue says.
    #[error("the table of `{dataset}` does not fit the catalogue: column `{column}` {what}")]
    Layout {
        /// Which.
        dataset: DatasetId,
        /// Where.
        column: String,
        /// Missing, or of another type.
        what: &'static str,
    },
    /// A row is not what a row of this store can be.
    #[error("the store of `{0}` gave back a row that does not fit the catalogue")]
    Row(DatasetId),
    /// Something of another dataset was handed in.
    #[error("the store of `{0}` was handed a name of another dataset")]
    Foreign(DatasetId),
}
