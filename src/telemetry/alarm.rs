//! What somebody has to look at at once. An alarm says what kind it is and names the request; the access log has the rest, for those
//! who may search it.

use super::metrics;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// As much was told in a day as may be, and more was asked for.
    Limit,
}

impl Alarm {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Alarm::Limit => "limit",
        }
    }
}

/// Raises one, for a request whose entry is durable.
pub fn raise(alarm: Alarm, trace: &str) {
    metrics::alarm(alarm.as_str());
    tracing::error!(alarm = alarm.as_str(), trace, "an alarm");
}
