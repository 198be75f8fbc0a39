//! gRPC health tells the truth: a broker serves when it can record, and nothing is in the way of what is in force.

use crate::{access_log::LogState, pb, readiness::Obstacle};
use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;
use tokio::sync::watch;
use tonic_health::{ServingStatus, server::HealthReporter};

/// Follows the state of the access log and what is in the way, for ever.
pub(super) async fn follow(
    reporter: HealthReporter,
    mut state: watch::Receiver<LogState>,
    mut obstacles: watch::Receiver<BTreeSet<Obstacle>>,
) {
    let names = names();
    loop {
        let ready = *state.borrow_and_update() == LogState::Ready && obstacles.borrow_and_update().is_empty();
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in &names {
            reporter.set_service_status(name, status).await;
        }
        let changed = tokio::select! {
            changed = state.changed() => changed,
            changed = obstacles.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// The names under which health is asked for: the server as a whole, and each service.
fn names() -> Vec<String> {
    let described = FileDescriptorSet::decode(pb::DESCRIPTORS).unwrap_or_default();
    let named = |service: &prost_types::ServiceDescriptorProto| format!("disown.v1.{}", service.name());
    let of_package = described.file.iter().filter(|file| file.package() == "disown.v1");
    of_package.flat_map(|file| &file.service).map(named).chain([String::new()]).collect()
}
