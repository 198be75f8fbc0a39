//! When an answer leaves. A miss must not be told from another miss by the time it takes (no-oracle): an answer that lacks any
//! record type asked for waits for the end of a slot.

use super::Released;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long a slot is; zero: nobody waits, which is for measuring what the slot hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(pub Duration);

impl Slot {
    /// Keeps an answer that lacks something until the slot after its arrival ends, or the first multiple that is not over yet.
    pub async fn keep(self, released: Released, arrived: Instant) -> Released {
        if released.lacks() && !self.0.is_zero() {
            let slots = arrived.elapsed().as_nanos() / self.0.as_nanos() + 1;
            let slots = u32::try_from(slots).unwrap_or(u32::MAX);
            sleep_until(arrived + self.0.saturating_mul(slots)).await;
        }
        released
    }
}
