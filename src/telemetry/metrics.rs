//! What is counted and measured. Nothing depends on it: without an export every function here does nothing.

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, MeterProvider},
};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use std::{sync::OnceLock, time::Duration};

/// One for the process, as the subscriber is.
static INSTRUMENTS: OnceLock<Instruments> = OnceLock::new();

struct Instruments {
    meter: Meter,
    requests: Counter<u64>,
    request_duration: Histogram<f64>,
    unauthenticated: Counter<u64>,
    decisions: Counter<u64>,
    alarms: Counter<u64>,
    commit_duration: Histogram<f64>,
    batch: Histogram<u64>,
    queue: Gauge<u64>,
}

/// Measures from now on.
pub(super) fn start(provider: &SdkMeterProvider) {
    // As the conventions have it for the duration of a call, in seconds.
    let seconds = || vec![0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    let meter = provider.meter("disown");
    let instruments = Instruments {
        requests: meter.u64_counter("disown.requests").with_unit("{request}").build(),
        request_duration: meter
            .f64_histogram("disown.request.duration")
            .with_unit("s")
            .with_boundaries(seconds())
            .build(),
        unauthenticated: meter.u64_counter("disown.unauthenticated").with_unit("{attempt}").build(),
        decisions: meter.u64_counter("disown.decisions").with_unit("{decision}").build(),
        alarms: meter.u64_counter("disown.alarms").with_unit("{alarm}").build(),
        commit_duration: meter
            .f64_histogram("disown.access_log.commit.duration")
            .with_unit("s")
            .with_boundaries([vec![0.0005, 0.001, 0.0025], seconds()].concat())
            .build(),
        batch: meter
            .u64_histogram("disown.access_log.batch")
            .with_unit("{entry}")
            .with_boundaries(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0])
            .build(),
        queue: meter.u64_gauge("disown.access_log.queue").with_unit("{command}").build(),
        meter,
    };
    // A second start keeps the first.
    let _ = INSTRUMENTS.set(instruments);
}

/// A request has ended.
pub fn request(rpc: &'static str, outcome: &'static str, took: Duration) {
    if let Some(instruments) = INSTRUMENTS.get() {
        let attributes = [KeyValue::new("rpc", rpc), KeyValue::new("outcome", outcome)];
        instruments.requests.add(1, &attributes);
        instruments.request_duration.record(took.as_secs_f64(), &attributes);
    }
}

/// Somebody had no good token, and so made no request.
pub fn unauthenticated() {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.unauthenticated.add(1, &[]);
    }
}

/// A decision was made. Role and purpose are names of the closed lists, or none: what was asked under could be anything.
pub fn decision(role: Option<&str>, purpose: Option<&str>, outcome: &'static str) {
    if let Some(instruments) = INSTRUMENTS.get() {
        let name = |known: Option<&str>| known.unwrap_or("unknown").to_owned();
        instruments.decisions.add(
            1,
            &[
                KeyValue::new("role", name(role)),
                KeyValue::new("purpose", name(purpose)),
                KeyValue::new("outcome", outcome),
            ],
        );
    }
}

/// Somebody has to look at something.
pub fn alarm(alarm: &'static str) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.alarms.add(1, &[KeyValue::new("alarm", alarm)]);
    }
}

/// A batch of so many entries was committed, or not.
pub fn commit(entries: usize, took: Duration, outcome: &'static str) {
    if let Some(instruments) = INSTRUMENTS.get() {
        let attributes = [KeyValue::new("outcome", outcome)];
        instruments.commit_duration.record(took.as_secs_f64(), &attributes);
        instruments.batch.record(entries as u64, &attributes);
    }
}

/// So much waits for the access log after a batch was taken.
pub fn queue(waiting: usize) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.queue.record(waiting as u64, &[]);
    }
}

/// Tells of the access log whether it can be written, whenever metrics are read.
pub fn access_log_writable(writable: impl Fn() -> bool + Send + Sync + 'static) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments
            .meter
            .u64_observable_gauge("disown.access_log.writable")
            .with_callback(move |told| told.observe(u64::from(writable()), &[]))
            .build();
    }
}

/// Tells how many lines of telemetry were dropped since the start, whenever metrics are read.
pub(super) fn lines_dropped(dropped: impl Fn() -> u64 + Send + Sync + 'static) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments
            .meter
            .u64_observable_counter("disown.telemetry.lines.dropped")
            .with_unit("{line}")
            .with_callback(move |told| told.observe(dropped(), &[]))
            .build();
    }
}
