//! How databases are opened: durability is set here and nowhere else.

use super::{Engine, NotTheStore, StoreIdentity, identity, migrations};
use crate::dataset::catalogue::{Catalogue, DatasetSpec};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

/// A database that is there, to write to. `synchronous=FULL`: a transaction is on the medium when it is committed. `secure_delete`: what is
/// deleted is overwritten.
pub fn writable(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
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

/// What keeps a file from being a store.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// It is not that store.
    #[error(transparent)]
    NotTheStore(#[from] NotTheStore),
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] sqlx::Error),
}

/// Whether a file is that store.
pub async fn check(path: &Path, store: &StoreIdentity) -> Result<(), NotOpened> {
    Ok(store.is(identity(path).await?.as_deref())?)
}

/// What a file says of itself; none: it is not there, or no store was ever made in it.
pub async fn identity(path: &Path) -> sqlx::Result<Option<Vec<u8>>> {
    if !path.try_exists().map_err(sqlx::Error::Io)? {
        return Ok(None);
    }
    let mut connection = read_only(path).connect().await?;
    let found = identity::in_file(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

/// Makes the store of the access log, in a file of its own.
pub async fn make_control(path: &Path, store: &StoreIdentity) -> sqlx::Result<()> {
    let mut connection = writable(path).create_if_missing(true).connect().await?;
    migrate_control(&mut connection).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
    name(&mut connection, store).await?;
    connection.close().await
}

/// Makes a dataset's store, in a file of its own.
pub async fn make_dataset(
    path: &Path,
    catalogue: &Catalogue,
    spec: &DatasetSpec,
    store: &StoreIdentity,
) -> sqlx::Result<()> {
    let mut connection = writable(path).create_if_missing(true).connect().await?;
    migrate_dataset(&mut connection, catalogue, spec).await?;
    name(&mut connection, store).await?;
    connection.close().await
}

/// Last: what has no name is not whole.
async fn name(connection: &mut SqliteConnection, store: &StoreIdentity) -> sqlx::Result<()> {
    let named = sqlx::query("INSERT INTO store (identity) VALUES (?1)").bind(&store.as_bytes()[..]);
    named.execute(connection).await.map(drop)
}

/// Lays out the control database.
pub async fn migrate_control(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    migrations::control(Engine::Sqlite).run(connection).await
}

/// Lays out a dataset's database: the reference datasets by the migrations in the binary, others from the catalogue.
pub async fn migrate_dataset(
    connection: &mut SqliteConnection,
    catalogue: &Catalogue,
    spec: &DatasetSpec,
) -> sqlx::Result<()> {
    let Some(migrations) = migrations::dataset(spec.id.as_str(), Engine::Sqlite) else {
        return lay_out_from_catalogue(connection, catalogue, spec).await;
    };
    migrations.run(connection).await.map_err(|error| sqlx::Error::Migrate(Box::new(error)))
}

async fn lay_out_from_catalogue(
    connection: &mut SqliteConnection,
    catalogue: &Catalogue,
    spec: &DatasetSpec,
) -> sqlx::Result<()> {
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'record'")
        .fetch_one(&mut *connection)
        .await?;
    if there == 0 {
        sqlx::raw_sql(sqlx::AssertSqlSafe(crate::dataset::ddl(catalogue, spec, Engine::Sqlite)))
            .execute(connection)
            .await?;
    }
    Ok(())
}
