//! Time as a parameter.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::sync::Mutex;

/// Where the broker takes the time from.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;

    /// Now, to be held against the clock of another machine; none where it is the clock of none.
    fn of_machine(&self) -> Option<Timestamp> {
        Some(self.now())
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's time enters")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl TestClock {
    /// A clock that shows `at`.
    pub fn new(at: Timestamp) -> Self {
        Self(Mutex::new(at))
    }

    /// Sets it, forward or back.
    pub fn set(&self, to: Timestamp) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = to;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn of_machine(&self) -> Option<Timestamp> {
        None
    }
}

/// The civil day in the island's time zone: conditions and validity count in its days.
pub fn today(clock: &dyn Clock, zone: &TimeZone) -> Date {
    zone.to_datetime(clock.now()).date()
}
