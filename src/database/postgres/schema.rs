//! The layout of each database: migrations are applied by whoever owns it, and a broker starts on the layout it knows and no other.

use crate::{
    database::{Engine, migrations},
    dataset::{
        self,
        catalogue::{Catalogue, DatasetSpec},
    },
};
use sqlx::{
    AssertSqlSafe, PgConnection,
    migrate::{MigrateError, Migrator},
};

/// How a database is laid out.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "migrations are long")]
pub enum Schema<'a> {
    /// The access log, and what decisions depend on.
    Control,
    /// A dataset.
    Dataset(&'a Catalogue, &'a DatasetSpec),
}

/// A database whose layout is not the one this broker knows.
#[derive(Debug, thiserror::Error)]
pub enum UnknownSchema {
    /// It cannot be read.
    #[error("its layout cannot be read: {0}")]
    Unreadable(#[from] sqlx::Error),
    /// Not laid out yet, or not to the end.
    #[error("migration {0} is not applied to it; `disownctl migrate` does that")]
    Missing(i64),
    /// From a later version of the broker, or of something else.
    #[error("migration {0} of it is not one that this broker knows")]
    Unknown(i64),
    /// Changed afterwards.
    #[error("migration {0} of it has another text than the one that this broker knows")]
    Changed(i64),
}

impl Schema<'_> {
    /// None for a dataset that is there by its catalogue alone.
    fn migrations(&self) -> Option<Migrator> {
        match self {
            Schema::Control => Some(migrations::control(Engine::Postgres)),
            Schema::Dataset(_, spec) => migrations::dataset(spec.id.as_str(), Engine::Postgres),
        }
    }

    /// Lays the database out as far as it is not, as its owner.
    pub async fn apply(&self, connection: &mut PgConnection) -> Result<(), MigrateError> {
        if let Some(migrations) = self.migrations() {
            return migrations.run_direct(None, connection, false).await;
        }
        if let Schema::Dataset(catalogue, spec) = self {
            let there: bool = sqlx::query_scalar("SELECT to_regclass('public.record') IS NOT NULL")
                .fetch_one(&mut *connection)
                .await?;
            if !there {
                let ddl = dataset::ddl(catalogue, spec, Engine::Postgres);
                sqlx::raw_sql(AssertSqlSafe(ddl)).execute(connection).await?;
            }
        }
        Ok(())
    }

    /// Whether the database has exactly the migrations that this broker knows.
    pub async fn check(&self, connection: &mut PgConnection) -> Result<(), UnknownSchema> {
        // A dataset that is there by its catalogue alone is held against it when its store is opened.
        let Some(migrations) = self.migrations() else { return Ok(()) };
        let there: bool = sqlx::query_scalar("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
        let applied: Vec<(i64, Vec<u8>)> = if there {
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
                .fetch_all(connection)
                .await?
        } else {
            vec![]
        };
        if let Some((version, _)) = applied.iter().find(|(version, _)| !migrations.version_exists(*version)) {
            return Err(UnknownSchema::Unknown(*version));
        }
        for migration in migrations.iter() {
            match applied.iter().find(|(version, _)| *version == migration.version) {
                None => return Err(UnknownSchema::Missing(migration.version)),
                Some((version, checksum)) if *checksum != *migration.checksum => {
                    return Err(UnknownSchema::Changed(*version));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
