//! What is read again while the broker serves: the policy, and the issuers' files of keys.

use crate::{
    access::Access,
    control::ControlError,
    identity::Verifier,
    policy::{InvalidPolicy, Policy, PolicyFiles},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;

/// A policy that does not load, crosses a red line or fails a case leaves the running one in force.
pub(super) async fn reload_on_request(
    folder: PathBuf,
    access: Arc<Access>,
    verifier: Arc<Verifier>,
    mut requests: watch::Receiver<u64>,
) {
    while requests.changed().await.is_ok() {
        verifier.read_keys_again();
        match reload(&folder, &access).await {
            Ok(version) => tracing::info!(version, "a new policy is in force"),
            Err(error) => tracing::error!(%error, "the policy was not reloaded; the running one stays in force"),
        }
    }
}

async fn reload(folder: &Path, access: &Access) -> Result<String, ReloadError> {
    let policy = Policy::load(PolicyFiles::read(folder).map_err(InvalidPolicy::from)?).await?;
    let running = access.control.in_force();
    if !policy.has_catalogue_of(&running.policy) {
        return Err(ReloadError::Catalogue);
    }
    let version = policy.version.clone();
    access.control.put_in_force(policy).await?;
    Ok(version)
}

/// A policy that was not reloaded.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the catalogue changed, on which the stores stand: start the broker again")]
    Catalogue,
}
