//! The stores that a broker stands on: none is made by a start, and one that is not there, or is another, keeps it from starting.

use super::AppError;
use crate::{
    config::Config,
    database,
    dataset::{PostgresDataset, SqliteDataset, Store, StoreError, Stores},
    policy::Policy,
    pseudonym::Keyring,
    readiness::{Obstacle, Readiness},
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Opens the store of each dataset.
pub(super) async fn open(config: &Config, policy: &Policy, keyring: &Keyring) -> Result<Stores, AppError> {
    let mut stores: Vec<Box<dyn Store>> = Vec::new();
    for (at, spec) in policy.catalogue.datasets() {
        let name = spec.id.as_str();
        if let Some(postgres) = &config.postgres {
            let server = postgres.dataset(&spec.id)?.expecting(keyring.store_identity(name).await);
            stores.push(Box::new(PostgresDataset::open(&server, policy.catalogue.clone(), at).await?));
            continue;
        }
        check_file(config, keyring, name).await?;
        let path = config.store_file(name);
        stores.push(Box::new(SqliteDataset::open(&path, policy.catalogue.clone(), at).await?));
    }
    Ok(Stores::new(stores))
}

/// Sees to it, for as long as it is polled, that nobody is answered while a store is gone.
pub(super) async fn watch(stores: Stores, policy: Arc<Policy>, readiness: Arc<Readiness>) {
    const EVERY: Duration = Duration::from_secs(1);
    loop {
        for (at, spec) in policy.catalogue.datasets() {
            let Some(store) = stores.of(at) else { continue };
            let obstacle = Obstacle::Store(spec.id.clone());
            match store.present().await {
                Ok(()) => readiness.regained(&obstacle),
                Err(StoreError::NotTheStore { .. }) => readiness.lost(obstacle),
                // Not reached for now: whoever asks of it is told so.
                Err(_) => {}
            }
        }
        sleep(EVERY).await;
    }
}

/// Whether a file is that store of this deployment.
pub(super) async fn check_file(config: &Config, keyring: &Keyring, name: &str) -> Result<(), AppError> {
    let (path, identity) = (config.store_file(name), keyring.store_identity(name).await);
    let checked = database::sqlite::check(&path, &identity).await;
    checked.map_err(|source| AppError::NoStore { name: name.to_owned(), at: path.display().to_string(), source })
}
