//! A CSV file as `disownctl load` reads it: its header against every dataset, and, where one fits, its rows delivered to a broker.
//! Every row is either stored or rejected.
#![no_main]

use disown::{cli::load, intake::Header};
use disown_fuzz::{Broker, CATALOGUE, assert_tellable, block_on};
use libfuzzer_sys::fuzz_target;
use std::sync::Mutex;

static BROKER: Mutex<Option<Broker>> = Mutex::new(None);

fuzz_target!(|data: &[u8]| {
    let Ok(rows) = load::parse(data) else { return };
    let fitting = CATALOGUE.datasets().find(|(_, spec)| Header::find(&rows.columns, spec).is_ok());
    let Some((_, spec)) = fitting else { return };
    let mut slot = BROKER.lock().unwrap();
    block_on(async {
        let mut broker = match slot.take() {
            Some(broker) => broker.or_next().await,
            None => Broker::start().await,
        };
        let count = rows.rows.len() as u64;
        match broker.load(spec.id.as_str(), rows).await {
            Ok((stored, rejected)) => assert_eq!(stored + rejected, count),
            Err(status) => assert_tellable(&status),
        }
        *slot = Some(broker);
    });
});
