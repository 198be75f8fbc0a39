//! Attempts of nobody known: counted, and recorded once a minute per peer, so that they cannot fill the access log.

use crate::access_log::{Appender, Entry};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Counts unauthenticated attempts by peer.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<BTreeMap<Option<IpAddr>, u64>>);

/// More peers than this in a minute are counted together.
const PEERS: usize = 256;

impl Attempts {
    /// One more.
    pub fn count(&self, peer: Option<IpAddr>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = if counts.len() < PEERS || counts.contains_key(&peer) { peer } else { None };
        *counts.entry(peer).or_default() += 1;
    }

    /// Records what was counted, for ever.
    pub async fn record_each_minute(&self, appender: &Appender) {
        const MINUTE: Duration = Duration::from_secs(60);
        let mut minute = tokio::time::interval_at(tokio::time::Instant::now() + MINUTE, MINUTE);
        loop {
            minute.tick().await;
            self.record(appender).await;
        }
    }

    /// Records what was counted so far. What cannot be recorded is counted on.
    pub async fn record(&self, appender: &Appender) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (peer, count) in counts {
            let from = peer.map_or("other peers".to_owned(), |peer| peer.to_string());
            let entry = Entry::attempts(format!("{count} unauthenticated attempts from {from}"));
            if appender.note(entry).await.is_err() {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(peer).or_default() += count;
            }
        }
    }
}
