//! A request as telemetry sees it: one span with its stages below it, counted and measured when it ends. It runs in a task of its own
//! (`bounded`), which its client cannot stop half-way.

use super::status::Failure;
use crate::telemetry::metrics;
use futures_util::future::BoxFuture;
use std::time::Instant;
use tracing::{Instrument, Span};

/// A request under way. It counts when it is dropped, so that one that panics or that its client gives up counts too.
pub(super) struct Observed {
    rpc: &'static str,
    span: Span,
    began: Instant,
    outcome: &'static str,
}

/// The outcome of a request that was dropped before its end.
const GIVEN_UP: &str = "cancelled";

/// Follows a request under the name that its entry in the access log has too: by it an auditor finds the one with the other. The
/// name of a span is known when it is compiled, hence a macro.
macro_rules! observe {
    ($rpc:literal, $trace:expr) => {{
        let span = tracing::info_span!(
            parent: None,
            $rpc,
            otel.kind = "server",
            rpc = $rpc,
            trace = $trace,
            outcome = tracing::field::Empty,
            otel.status_code = tracing::field::Empty
        );
        $crate::edge::observed::Observed::begin($rpc, span)
    }};
}
pub(super) use observe;

impl Observed {
    pub(super) fn begin(rpc: &'static str, span: Span) -> Self {
        Self { rpc, span, began: Instant::now(), outcome: GIVEN_UP }
    }

    /// Does a part of the request, and goes by how that ends. In a box, made when it comes to it: a request whose message never comes
    /// has no room for its answer.
    pub(super) async fn follow<T>(&mut self, part: BoxFuture<'_, Result<T, Failure>>) -> Result<T, Failure> {
        self.outcome = GIVEN_UP;
        let ended = part.instrument(self.span.clone()).await;
        self.outcome = ended.as_ref().err().map_or("answered", Failure::outcome);
        ended
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let outcome = if std::thread::panicking() { "fault" } else { self.outcome };
        self.span.record("outcome", outcome);
        if matches!(outcome, "fault" | "unavailable") {
            self.span.record("otel.status_code", "error");
        }
        metrics::request(self.rpc, outcome, self.began.elapsed());
    }
}
