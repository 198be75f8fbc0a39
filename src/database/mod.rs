//! How databases are opened: durability, limits and privileges are set here and nowhere else. SQLite is the embedded default, one
//! file a database; PostgreSQL is for production, one database with roles of its own for each dataset and for the access log.

pub mod postgres;
pub mod sqlite;

/// What keeps the databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file each.
    Sqlite,
    /// A server, or several.
    Postgres,
}
