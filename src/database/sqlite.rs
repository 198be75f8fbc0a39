//! How databases are opened: durability is set here and nowhere else.

use super::{Engine, migrations};
use crate::dataset::catalogue::{Catalogue, DatasetSpec};
use sqlx::{
    ConnectOptions, Connection, SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

/// A database to write to. `synchronous=FULL`: a transaction is on the medium when it is committed. `secure_delete`: what is
/// deleted is overwritten.
pub fn writable(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("trusted_schema", "OFF")
        .pragma("secure_delete", "ON")
        .pragma("temp_store", "MEMORY")
}

/// A database to read from only.
pub fn read_only(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("trusted_schema", "OFF")
        .pragma("query_only", "ON")
}

/// Opens a pool for reading and writing.
pub async fn open_pool(path: &Path) -> sqlx::Result<SqlitePool> {
    // One connection alone makes a new file a write-ahead one: of several that try at once, SQLite turns all but one away.
    writable(path).connect().await?.close().await?;
    pool().connect_with(writable(path)).await
}

/// Opens a pool that cannot write.
pub async fn open_reader(path: &Path) -> sqlx::Result<SqlitePool> {
    pool().connect_with(read_only(path)).await
}

/// Connections stay: to close the last one would remove the write-ahead log that `FileGuard` watches.
fn pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(4).min_connections(1).idle_timeout(None).max_lifetime(None)
}

/// Lays out the control database.
pub async fn migrate_control(connection: &mut sqlx::SqliteConnection) -> Result<(), MigrateError> {
    migrations::control(Engine::Sqlite).run(connection).await
}

/// Lays out a dataset's database: the reference datasets by the migrations in the binary, others from the catalogue.
pub async fn migrate_dataset(pool: &SqlitePool, catalogue: &Catalogue, spec: &DatasetSpec) -> sqlx::Result<()> {
    let Some(migrations) = migrations::dataset(spec.id.as_str(), Engine::Sqlite) else {
        return lay_out_from_catalogue(pool, catalogue, spec).await;
    };
    migrations.run(pool).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))
}

async fn lay_out_from_catalogue(pool: &SqlitePool, catalogue: &Catalogue, spec: &DatasetSpec) -> sqlx::Result<()> {
    let there: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'record'").fetch_one(pool).await?;
    if there == 0 {
        sqlx::raw_sql(sqlx::AssertSqlSafe(crate::dataset::ddl(catalogue, spec, Engine::Sqlite))).execute(pool).await?;
    }
    Ok(())
}
