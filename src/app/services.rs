//! The parts of a broker, each put in its places.

use crate::{
    access::{Access, Departures},
    access_log::AccessLog,
    approval::{Office, Register},
    clock::Clock,
    config::Config,
    control::Control,
    dataset::Stores,
    edge::Services,
    entropy::Entropy,
    identity::{Attempts, Verifier},
    intake::Intake,
    pseudonym::Keyring,
    readiness::Readiness,
    rights::Rights,
};
use std::sync::Arc;
use tokio::sync::Mutex;

#[expect(clippy::too_many_arguments, reason = "each part of the broker once, put in its places")]
pub(super) fn services(
    config: &Config,
    log: &AccessLog,
    control: Arc<Control>,
    stores: Stores,
    keyring: &Arc<Keyring>,
    verifier: Arc<Verifier>,
    readiness: Arc<Readiness>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> (Services, Arc<Intake>) {
    let intake = Arc::new(Intake {
        control: control.clone(),
        turns: stores.iter().map(|_| Mutex::new(())).collect(),
        stores: stores.clone(),
        keyring: keyring.clone(),
        log: log.appender.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        zone: config.time_zone.clone(),
        spool: config.data.clone(),
        largest_batch: config.largest_batch,
    });
    let register = Arc::new(Register {
        control: control.clone(),
        log: log.appender.clone(),
        clock: clock.clone(),
        zone: config.time_zone.clone(),
    });
    let office = Arc::new(Office {
        control: control.clone(),
        keyring: keyring.clone(),
        log: log.appender.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        zone: config.time_zone.clone(),
    });
    let rights = Arc::new(Rights {
        control: control.clone(),
        keyring: keyring.clone(),
        log: log.appender.clone(),
        clock: clock.clone(),
        zone: config.time_zone.clone(),
    });
    let access = Arc::new(Access {
        control,
        stores,
        keyring: keyring.clone(),
        log: log.appender.clone(),
        clock,
        zone: config.time_zone.clone(),
        departures: Departures::at_ends_of(config.slot),
    });
    let services = Services {
        access,
        intake: intake.clone(),
        register,
        office,
        rights,
        reader: log.reader.clone(),
        state: log.state.clone(),
        readiness,
        verifier,
        attempts: Arc::new(Attempts::default()),
        entropy,
    };
    (services, intake)
}
