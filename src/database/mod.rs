//! How databases are opened: durability, limits and privileges are set here and nowhere else. SQLite is the embedded default, one
//! file a database; PostgreSQL is for production, one database with roles of its own for each dataset and for the access log.

mod file;
mod identity;
mod migrations;
pub mod postgres;
pub mod sqlite;

pub use file::{FileIdentity, FolderLock, NotLocked};
pub(crate) use identity::not_the_store;
pub use identity::{NotTheStore, StoreIdentity};

/// Where what is committed is, when the commit returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// On the medium of one host.
    OneHost,
    /// On that of a synchronous standby too.
    Replicated {
        /// As the server names its standbys.
        standbys: String,
    },
}

/// What keeps the databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file each.
    Sqlite,
    /// A server, or several.
    Postgres,
}
