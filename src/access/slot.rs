//! When an answer leaves. A miss must not be told from another miss by the time it takes (no-oracle): an answer that lacks any
//! record type asked for waits for the end of a slot.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// How long a slot is; zero: nobody waits, which is for measuring what the slot hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(pub Duration);

/// Lets answers go. Where the work of one takes longer than a slot, it leaves at a later end, and which end would tell how much work
/// it was: so for a while all others leave as late as the slowest of late did.
#[derive(Debug)]
pub struct Departures {
    slot: Duration,
    recent: Mutex<Recent>,
}

/// The most slots that an answer needed in this span of time, and in the one before.
#[derive(Debug)]
struct Recent {
    since: Instant,
    now: u32,
    before: u32,
}

const SPAN: Duration = Duration::from_secs(1);
/// A disk that stalled once does not keep everybody waiting for longer than so many slots.
const MOST: u32 = 40;

impl Departures {
    /// Answers leave at the ends of such slots, counted from the arrival of each.
    pub fn at_ends_of(slot: Slot) -> Self {
        Self { slot: slot.0, recent: Mutex::new(Recent { since: Instant::now(), now: 1, before: 1 }) }
    }

    /// Keeps an answer until it may go, if it lacks something.
    pub async fn keep(&self, lacks: bool, arrived: Instant) {
        if !self.slot.is_zero() {
            let slots = self.slots(arrived.elapsed(), Instant::now());
            if lacks {
                sleep_until(arrived + self.slot.saturating_mul(slots)).await;
            }
        }
    }

    /// After how many slots an answer leaves whose work took so long.
    fn slots(&self, took: Duration, now: Instant) -> u32 {
        let needed = u32::try_from(took.as_nanos() / self.slot.as_nanos() + 1).unwrap_or(u32::MAX);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = now.saturating_duration_since(recent.since);
        if gone >= SPAN {
            let before = if gone < 2 * SPAN { recent.now } else { 1 };
            *recent = Recent { since: now, now: 1, before };
        }
        recent.now = recent.now.max(needed.min(MOST));
        needed.max(recent.now).max(recent.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_leave_as_late_as_the_slowest_of_late() {
        let departures = Departures::at_ends_of(Slot(Duration::from_millis(25)));
        let (start, quick, slow) = (Instant::now(), Duration::from_millis(3), Duration::from_millis(60));
        let after = |seconds: f64| start + Duration::from_secs_f64(seconds);
        assert_eq!(departures.slots(quick, after(0.0)), 1);
        assert_eq!(departures.slots(slow, after(0.1)), 3);
        assert_eq!(departures.slots(quick, after(0.2)), 3);
        assert_eq!(departures.slots(quick, after(1.1)), 3);
        assert_eq!(departures.slots(quick, after(2.2)), 1, "a slow answer is forgotten after a while");
        assert_eq!(departures.slots(slow, after(2.3)), 3);
        assert_eq!(departures.slots(quick, after(9.0)), 1);
        // One stall is not everybody's.
        assert_eq!(departures.slots(Duration::from_secs(5), after(9.1)), 201);
        assert_eq!(departures.slots(quick, after(9.2)), MOST);
    }
}
