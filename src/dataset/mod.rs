//! The datasets: what they hold, and the stores they are kept in, each apart from the others.

pub mod catalogue;
mod coarsening;
mod ddl;
mod record;
mod sqlite;
mod statements;
mod value;

pub use catalogue::Catalogue;
pub use coarsening::Coarsening;
pub use ddl::ddl;
pub use record::{NewRecord, Selection, StoredCell, StoredRecord};
pub use sqlite::{BatchKept, SqliteDataset, StoreError};
pub use value::{Level, Value};
