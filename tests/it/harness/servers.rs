//! What a deployment on PostgreSQL stands on: the server that all tests share, one of its own that is killed and started again, a
//! pair, or a line that a test can cut.

use sqlx::postgres::PgConnectOptions;
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

pub trait Servers: Send + Sync {
    /// As a configuration names them.
    fn hosts(&self) -> Vec<String>;

    /// As the superuser of the one that takes writes.
    fn admin(&self) -> PgConnectOptions;
}

/// Of the server whose socket is in a folder.
pub fn superuser(folder: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(folder).username("postgres").database("postgres")
}

/// The configuration of one more deployment on them, with names of its own for its databases.
pub fn section(servers: &dyn Servers) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let hosts = servers.hosts();
    let mut section =
        format!("[postgres]\nhosts = {hosts:?}\n\n[postgres.control]\ndatabase = \"d{count}_control\"\n\n");
    for dataset in ["people", "clinical", "public_health", "schools", "incidents"] {
        section += &format!("[postgres.datasets.{dataset}]\ndatabase = \"d{count}_{dataset}\"\n\n");
    }
    section
}
