//! The datasets: what they hold, and the stores they are kept in, each apart from the others.

pub mod catalogue;
mod coarsening;
mod ddl;
mod postgres;
mod record;
mod row;
mod source;
mod sqlite;
mod statements;
mod store;
mod value;

pub use catalogue::Catalogue;
pub use coarsening::Coarsening;
pub use ddl::ddl;
pub use postgres::PostgresDataset;
pub use record::{NewRecord, Selection, StoredCell, StoredRecord};
pub use source::Source;
pub use sqlite::SqliteDataset;
pub use store::{Batch, BatchKept, Store, StoreError, Stores};
pub use value::{Level, Value};
