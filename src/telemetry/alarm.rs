//! What somebody has to look at at once. An alarm says what kind it is and names the request; the access log has the rest, for those
//! who may search it.

use super::metrics;
use serde::Serialize;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// As much was told in a day as may be, and more was asked for.
    Limit,
    /// Somebody broke glass, or asked more by it.
    BreakGlass,
    /// Somebody asked about itself.
    Own,
    /// Somebody asked about another caller of its organisation.
    Colleague,
    /// Somebody asked about a protected person.
    Protected,
    /// Somebody asked about nobody.
    Honey,
}

impl Alarm {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Alarm::Limit => "limit",
            Alarm::BreakGlass => "break_glass",
            Alarm::Own => "own",
            Alarm::Colleague => "colleague",
            Alarm::Protected => "protected",
            Alarm::Honey => "honey",
        }
    }
}

/// Raises them, for a request whose entry is durable.
pub fn raise(alarms: &[Alarm], trace: &str) {
    for alarm in alarms {
        metrics::alarm(alarm.as_str());
        tracing::error!(alarm = alarm.as_str(), trace, "an alarm");
    }
}
