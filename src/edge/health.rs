//! gRPC health tells the truth about the access log.

use crate::access_log::LogState;
use tokio::sync::watch;
use tonic_health::{ServingStatus, server::HealthReporter};

/// The names under which health is asked for: the server as a whole, and each service.
const NAMES: [&str; 4] = ["", "disown.v1.AccessService", "disown.v1.IntakeService", "disown.v1.AuditService"];

/// Follows the state of the access log, for ever: the broker is ready when it can record.
pub(super) async fn follow(reporter: HealthReporter, mut state: watch::Receiver<LogState>) {
    loop {
        let status = match *state.borrow_and_update() {
            LogState::Ready => ServingStatus::Serving,
            LogState::Unwritable(_) | LogState::Unknown(_) => ServingStatus::NotServing,
        };
        for name in NAMES {
            reporter.set_service_status(name, status).await;
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}
