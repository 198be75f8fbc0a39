//! Telemetry: what the broker says about itself, as lines on standard error, and as spans and metrics to a collector where one is
//! configured. It is never called a log: the access log is one.

pub mod alarm;
pub mod allowed;
mod export;
mod lines;
mod lost;
pub mod metrics;

pub use export::{Export, ExportError};
pub use lines::Lines;

use opentelemetry_sdk::trace::SdkTracer;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, ParseError, filter_fn},
    fmt,
    layer::{Filter, SubscriberExt},
    reload,
};

/// Running telemetry: lines already, an export as soon as somebody says where to.
#[expect(missing_debug_implementations, reason = "a layer has none")]
pub struct Telemetry {
    spans: reload::Handle<Option<OpenTelemetryLayer<Registry, SdkTracer>>, Registry>,
    exporting: Arc<AtomicBool>,
    lines: Lines,
}

/// Telemetry that was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither a level nor directives.
    #[error("--telemetry: {0}")]
    Directives(#[from] ParseError),
    /// Standard error, or the thread that writes to it.
    #[error("standard error cannot be written: {0}")]
    Lines(#[from] io::Error),
}

/// Starts telemetry at a level: `error`, `warn`, `info`, `debug`, `trace`, or directives as in `info,disown=debug`.
///
/// INVARIANT (no-identifier-leak): our own spans and events carry names, counts and errors that hold no value of a request. What
/// has a field that is on no list of `allowed.rs` is not written, whoever says it. The crates of the transport write headers,
/// tokens among them, at their lower levels, so they stay at `info` whatever is asked for.
pub fn start(directives: &str) -> Result<Telemetry, StartError> {
    let mut filter = EnvFilter::try_new(directives)?;
    for transport in ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls"] {
        filter = filter.add_directive(format!("{transport}=info").parse()?);
    }
    let filter = filter.and(filter_fn(|said| said.fields().iter().all(|field| allowed::on_stderr(field.name()))));
    let lines = Lines::to(io::stderr())?;
    let written = fmt::layer().with_writer(lines.clone()).log_internal_errors(false).json().flatten_event(true);
    // The filter stands outside: one that came with a layer later would not be known to the registry.
    let (spans, handle) = reload::Layer::new(None);
    let exporting = Arc::new(AtomicBool::new(false));
    let subscriber =
        Registry::default().with(spans.with_filter(our_spans(exporting.clone()))).with(written.with_filter(filter));
    // A second start keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(Telemetry { spans: handle, exporting, lines })
}

impl Telemetry {
    /// Says a line of its own on standard error.
    pub fn say(&self, text: &str) {
        self.lines.say(text);
    }

    /// Waits until everything that was said is written, for so long at most where that is said.
    pub fn end(&self, within: Option<Duration>) {
        self.lines.flush(within);
    }
}

/// What is exported: our spans, once somebody said where to; until then they cost nothing. Events stay on standard error, since
/// their text could hold what an error holds.
fn our_spans<S>(exporting: Arc<AtomicBool>) -> impl Filter<S> {
    let ours = move |said: &Metadata<'_>| {
        exporting.load(Ordering::Acquire) && said.is_span() && said.target().starts_with("disown")
    };
    filter_fn(ours).with_max_level_hint(LevelFilter::INFO)
}

/// A panic says where it happened, and nothing of what it was about: its text may hold anything.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        tracing::error!(place, "a task panicked");
    }));
}
