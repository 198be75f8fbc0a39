//! Spans that a collector did not take. A collector that is away or slow costs a request nothing: what waits is bounded, the rest is
//! dropped, and how much of it is told once a minute.

use super::allowed;
use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// So many spans wait for the collector at most.
const WAITING: usize = 4096;
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What waits, and what is lost and not told yet.
#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicUsize,
    lost: AtomicUsize,
    told: Mutex<Option<Instant>>,
}

/// Hands spans to a thread that exports them in batches, as long as not too many wait.
#[derive(Debug)]
pub(super) struct Bounded {
    batches: BatchSpanProcessor,
    counts: Arc<Counts>,
}

/// Exports what may leave of each span.
#[derive(Debug)]
struct Guarded<E> {
    exporter: E,
    counts: Arc<Counts>,
}

impl Bounded {
    pub(super) fn new(exporter: impl SpanExporter + 'static) -> Self {
        let counts = Arc::<Counts>::default();
        let exporter = Guarded { exporter, counts: counts.clone() };
        // Twice as many as are let in: this queue is never the one that is full.
        let config = BatchConfigBuilder::default().with_max_queue_size(2 * WAITING).build();
        Self { batches: BatchSpanProcessor::builder(exporter).with_batch_config(config).build(), counts }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) < WAITING {
            self.batches.on_end(span);
        } else {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.lose(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let ended = self.batches.shutdown_with_timeout(timeout);
        // What still waits goes down with the process.
        self.counts.lost.fetch_add(self.counts.waiting.load(Ordering::Relaxed), Ordering::Relaxed);
        self.counts.tell();
        ended
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

impl<E: SpanExporter> SpanExporter for Guarded<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let exported = self.exporter.export(batch.into_iter().map(allowed::span).collect()).await;
        self.counts.waiting.fetch_sub(count, Ordering::Relaxed);
        if exported.is_err() {
            self.counts.lose(count);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl Counts {
    fn lose(&self, spans: usize) {
        self.lost.fetch_add(spans, Ordering::Relaxed);
        // Whoever finds somebody else at it need not wait: they tell of these, or the next one does.
        let Ok(mut told) = self.told.try_lock() else { return };
        if told.is_none_or(|last| last.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            self.tell();
        }
    }

    fn tell(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "spans were not exported: the collector is away, slow or refuses them");
        }
    }
}
