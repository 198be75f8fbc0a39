//! What a server says beside its answers. A COMMIT whose wait for the synchronous standby was cancelled succeeds with a warning and
//! nothing else: the transaction is on one host only. The driver tells notices to telemetry alone, so that is where they are heard.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    instrument::WithSubscriber,
    span::{Attributes, Id, Record},
};

/// Whether the server warned of something.
#[derive(Debug, Clone, Default)]
pub struct Notices(Arc<AtomicBool>);

/// The driver's name for what a server says.
const TARGET: &str = "sqlx::postgres::notice";

/// Does a part of the work, and gives with its outcome whether the server warned of something meanwhile.
pub async fn heard<T>(work: impl Future<Output = T>) -> (T, bool) {
    let notices = Notices::default();
    let outcome = work.with_subscriber(notices.clone()).await;
    (outcome, notices.0.load(Ordering::Acquire))
}

impl Subscriber for Notices {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if self.enabled(event.metadata()) {
            self.0.store(true, Ordering::Release);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
