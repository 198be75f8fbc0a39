//! The layout of the reference databases, as the files in `migrations/` have it.

use super::Engine;
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// The database of the access log.
pub(super) fn control(engine: Engine) -> Migrator {
    migrator(match engine {
        Engine::Sqlite => include_str!("../../migrations/control/sqlite/0001_control.sql"),
        Engine::Postgres => include_str!("../../migrations/control/postgres/0001_control.sql"),
    })
}

/// A reference dataset's; none for another, whose layout comes from the catalogue.
pub(super) fn dataset(id: &str, engine: Engine) -> Option<Migrator> {
    let text = match (id, engine) {
        ("people", Engine::Sqlite) => include_str!("../../migrations/people/sqlite/0001_records.sql"),
        ("people", Engine::Postgres) => include_str!("../../migrations/people/postgres/0001_records.sql"),
        ("clinical", Engine::Sqlite) => include_str!("../../migrations/clinical/sqlite/0001_records.sql"),
        ("clinical", Engine::Postgres) => include_str!("../../migrations/clinical/postgres/0001_records.sql"),
        ("public_health", Engine::Sqlite) => include_str!("../../migrations/public_health/sqlite/0001_records.sql"),
        ("public_health", Engine::Postgres) => include_str!("../../migrations/public_health/postgres/0001_records.sql"),
        _ => return None,
    };
    Some(migrator(text))
}

/// Of the one migration that there is before the first release.
fn migrator(text: &'static str) -> Migrator {
    let first = Migration::new(1, "layout".into(), MigrationType::Simple, text.into_sql_str(), false);
    Migrator::with_migrations(vec![first])
}
