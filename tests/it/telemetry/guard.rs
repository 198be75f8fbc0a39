//! The guard itself: what it drops, whoever attached it.

use disown::telemetry::allowed;
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    metrics::MeterProvider,
    trace::{Event, Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{PeriodicReader, SdkMeterProvider, Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{SpanData, SpanEvents, SpanLinks},
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

const SECRET: &str = "JY104729C";

#[test]
fn of_a_span_leaves_what_is_listed_and_nothing_else() {
    let context = SpanContext::new(
        TraceId::from_bytes([1; 16]),
        SpanId::from_bytes([2; 8]),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let mut events = SpanEvents::default();
    events.events.push(Event::new(SECRET, SystemTime::UNIX_EPOCH, vec![KeyValue::new("exception.message", SECRET)], 0));
    let mut links = SpanLinks::default();
    links.links.push(Link::new(context.clone(), vec![KeyValue::new("subject", SECRET)], 0));
    let span = SpanData {
        span_context: context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: format!("query {SECRET}").into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: vec![
            KeyValue::new("subject", SECRET),
            KeyValue::new("error", SECRET),
            KeyValue::new("rpc", "query"),
            KeyValue::new("entries", 3),
            KeyValue::new("outcome", "é".repeat(1000)),
            KeyValue::new("trace", opentelemetry::Value::Array(opentelemetry::Array::String(vec![SECRET.into()]))),
        ],
        dropped_attributes_count: 0,
        events,
        links,
        status: Status::error(SECRET),
        instrumentation_scope: InstrumentationScope::builder("disown").build(),
    };
    let left = allowed::span(span);
    assert!(!format!("{left:?}").contains(SECRET), "{left:?}");
    assert_eq!(left.name, "unnamed");
    assert!(left.events.is_empty() && left.links.is_empty());
    assert_eq!(left.status, Status::error(""));
    let expected =
        vec![KeyValue::new("rpc", "query"), KeyValue::new("entries", 3), KeyValue::new("outcome", "é".repeat(128))];
    assert_eq!(left.attributes, expected);
}

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<String>>);

impl PushMetricExporter for Shown {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        *self.0.lock().unwrap() = format!("{metrics:?}");
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

#[test]
fn of_a_metric_leaves_what_is_listed_and_nothing_else() {
    let shown = Shown::default();
    let reader = PeriodicReader::builder(shown.clone()).build();
    let provider = SdkMeterProvider::builder().with_view(allowed::stream).with_reader(reader).build();
    let meter = provider.meter("disown");
    let attributes = [KeyValue::new("rpc", "query"), KeyValue::new("subject", SECRET)];
    meter.u64_counter("disown.requests").build().add(7, &attributes);
    meter.u64_counter(format!("disown.{SECRET}")).build().add(9, &attributes);
    provider.force_flush().unwrap();
    let told = shown.0.lock().unwrap().clone();
    assert!(told.contains("disown.requests") && told.contains("query") && told.contains("value: 7"), "{told}");
    assert!(!told.contains("subject") && !told.contains(SECRET), "{told}");
}

#[test]
fn standard_error_shows_listed_fields_only() {
    for field in ["message", "error", "trace", "dataset"] {
        assert!(allowed::on_stderr(field), "{field}");
    }
    for field in ["subject", "identifier", "token", "authorization", "db.statement", ""] {
        assert!(!allowed::on_stderr(field), "{field}");
    }
}
