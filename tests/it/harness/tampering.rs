//! Somebody who has the files and not the keys.

use super::{Deployment, Engine, engine};
use disown::access_log::{
    checkpoint::LogKey,
    verify::{NotVerified, Verified, verify_database},
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A copy of an access log, to be tampered with.
pub struct Tampered {
    pub folder: TempDir,
    pub connection: SqliteConnection,
}

impl Deployment {
    /// Runs SQL in its control database, as somebody who may do anything there and has no key. Gives how many rows that changed.
    pub async fn tamper(&self, sql: &str) -> u64 {
        match engine() {
            Engine::Sqlite => {
                let mut database = tampering(&self.path("data/control.sqlite")).await;
                let changed = alter(&mut database, sql).await;
                database.close().await.unwrap();
                changed
            }
            Engine::Postgres => {
                let mut database = self.as_superuser("control").await;
                let untriggered = format!("SET session_replication_role = 'replica'; {sql}");
                let changed = sqlx::raw_sql(AssertSqlSafe(untriggered)).execute(&mut database).await.unwrap();
                database.close().await.unwrap();
                changed.rows_affected()
            }
        }
    }
}

/// Opens a database to be tampered with: no trigger stands in the way.
pub async fn tampering(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    let mut connection = options.connect().await.unwrap();
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    for name in triggers {
        alter(&mut connection, &format!("DROP TRIGGER {name}")).await;
    }
    connection
}

/// Moves what the write-ahead log holds into the database.
pub async fn settle(database: &Path) {
    let mut connection = SqliteConnectOptions::new().filename(database).connect().await.unwrap();
    alter(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    connection.close().await.unwrap();
}

/// Runs SQL that must run. Gives how many rows that changed.
pub async fn alter(connection: &mut SqliteConnection, sql: &str) -> u64 {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap().rows_affected()
}

/// Flips one bit of one byte of the only column of the only row that a query gives, text or blob.
pub async fn flip(connection: &mut SqliteConnection, table: &str, column: &str, place: &str, byte: usize) {
    let cell = format!("SELECT CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {place}");
    let row = sqlx::query(AssertSqlSafe(cell)).fetch_one(&mut *connection).await.unwrap();
    let mut bytes: Vec<u8> = row.get(0);
    let at = byte % bytes.len();
    bytes[at] ^= 1;
    let update = format!("UPDATE {table} SET {column} = CAST(?1 AS {}) WHERE {place}", row.get::<String, _>(1));
    let changed = sqlx::query(AssertSqlSafe(update)).bind(bytes).execute(connection).await.unwrap();
    assert_eq!(changed.rows_affected(), 1);
}

impl Tampered {
    /// Of a database that nobody serves.
    pub async fn copy(database: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        settle(database).await;
        fs::copy(database, folder.path().join("control.sqlite")).unwrap();
        let connection = tampering(&folder.path().join("control.sqlite")).await;
        Self { folder, connection }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("control.sqlite")
    }

    /// What verifying makes of it.
    pub async fn verify(self, key: &LogKey) -> Result<Verified, NotVerified> {
        let path = self.path();
        self.connection.close().await.unwrap();
        verify_database(&path, key).await
    }
}
