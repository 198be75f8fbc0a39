//! Telemetry: what the broker says about itself, on standard error. It is never called a log: the access log is one.

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt};

/// Starts telemetry at a level: `error`, `warn`, `info`, `debug`, `trace`, or directives as in `info,disown=debug`.
///
/// INVARIANT (no-identifier-leak): our own spans and events carry names, counts and errors that hold no value of a request. The
/// crates of the transport write headers, tokens among them, at their lower levels, so they stay at `info` whatever is asked for.
pub fn start(directives: &str) -> Result<(), ParseError> {
    let mut filter = EnvFilter::try_new(directives)?;
    for transport in ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls"] {
        filter = filter.add_directive(format!("{transport}=info").parse()?);
    }
    let subscriber = fmt().with_env_filter(filter).with_writer(std::io::stderr).json().flatten_event(true).finish();
    // A second start keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// A panic says where it happened, and nothing of what it was about: its text may hold anything.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        tracing::error!(place, "a task panicked");
    }));
}
