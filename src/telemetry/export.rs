//! Export by OTLP over gRPC, to the collector that the configuration names.
//!
//! INVARIANT (no-identifier-leak): a caller's `traceparent`, `tracestate` and `baggage` are not looked at. They hold whatever the
//! caller puts there, a name or a number too, and would leave with every span (RELIABILITY A62); a trace begins here. The resource is
//! made of our own names alone, and not of the environment. What leaves is what `allowed.rs` lets through.

use super::{Telemetry, allowed, lost::Bounded, metrics};
use crate::{config::TelemetryConfig, ids::BrokerId};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig, WithTonicConfig,
};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::{Sampler, SdkTracerProvider},
};
use std::{fs, io, path::PathBuf, sync::atomic::Ordering, time::Duration};
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

/// So long may one export take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Metrics leave so often: an alarm is where somebody sees it within a minute, with a collector that takes its time.
const EVERY: Duration = Duration::from_secs(15);
/// So long may an orderly end wait for what is left.
const LAST: Duration = Duration::from_secs(5);

/// A running export.
#[derive(Debug)]
pub struct Export {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

/// An export that was not started.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The certificate authority of the collector cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificate authority of the collector is none.
    #[error("`telemetry.ca`: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The exporter.
    #[error("telemetry cannot be exported: {0}")]
    Exporter(#[from] ExporterBuildError),
}

impl Telemetry {
    /// Exports spans and metrics from now on, where the configuration has a collector. That one is there is not asked: it may come
    /// and go.
    pub fn export(&self, config: &TelemetryConfig, broker: &BrokerId) -> Result<Option<Export>, ExportError> {
        let Some(collector) = &config.otlp else { return Ok(None) };
        let channel = channel(collector, config)?;
        let resource = resource(broker);
        let spans = SpanExporter::builder()
            .with_tonic()
            .with_channel(channel.clone())
            .with_timeout(TIMEOUT)
            // What is away may stay away: the next batch tries again.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        let spans = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource.clone())
            .with_span_processor(Bounded::new(spans))
            .build();
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_channel(channel)
            .with_timeout(TIMEOUT)
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        let metrics = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_view(allowed::stream)
            .with_reader(PeriodicReader::builder(exporter).with_interval(EVERY).build())
            .build();
        metrics::start(&metrics);
        let lines = self.lines.clone();
        metrics::lines_dropped(move || lines.dropped());
        let layer = tracing_opentelemetry::layer()
            .with_tracer(spans.tracer("disown"))
            .with_context_activation(false)
            .with_tracked_inactivity(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false);
        self.exporting.store(true, Ordering::Release);
        // Reloading the layer has every place where a span begins asked again whether somebody listens.
        if self.spans.reload(Some(layer)).is_err() {
            tracing::warn!("telemetry was started twice: spans are not exported");
        }
        Ok(Some(Export { spans, metrics }))
    }
}

impl Export {
    /// Exports what is left, in bounded time.
    pub async fn end(self) {
        // Both block.
        let spans = tokio::task::spawn_blocking(move || self.spans.shutdown_with_timeout(LAST));
        let metrics = tokio::task::spawn_blocking(move || self.metrics.shutdown_with_timeout(LAST));
        for ended in [spans.await, metrics.await] {
            if !matches!(ended, Ok(Ok(()))) {
                tracing::warn!("the last of telemetry was not exported");
            }
        }
    }
}

fn channel(collector: &tonic::transport::Uri, config: &TelemetryConfig) -> Result<Channel, ExportError> {
    let endpoint = Channel::builder(collector.clone()).timeout(TIMEOUT).connect_timeout(TIMEOUT);
    if config.is_plaintext() {
        return Ok(endpoint.connect_lazy());
    }
    let tls = match &config.ca {
        Some(path) => {
            let pem = fs::read_to_string(path).map_err(|source| ExportError::File { path: path.clone(), source })?;
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
        }
        None => ClientTlsConfig::new().with_native_roots(),
    };
    Ok(endpoint.tls_config(tls)?.connect_lazy())
}

fn resource(broker: &BrokerId) -> Resource {
    let attributes = allowed::attributes(vec![
        KeyValue::new("service.name", "disown"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", broker.as_str().to_owned()),
    ]);
    Resource::builder_empty().with_attributes(attributes).build()
}
