//! Which of those who wait may be appended, behind what is in the log already.

use super::{Sequencer, Waiting, time_of};
use crate::access_log::{
    state::Unavailable,
    storage::{Storage, corrupt},
    tally::Tally,
};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many entries are read at once when a start counts what was told today.
const AT_ONCE: u64 = 10_000;

impl Sequencer {
    /// The time of the next entry: it never goes back in the log, whatever the machine's clock does.
    pub(super) fn next_time(&self) -> Timestamp {
        self.clock.now().max(self.last_time + SignedDuration::from_micros(1))
    }

    /// Turns away what was decided in an epoch that is over, and what is above a limit. An entry behind one that opens an epoch is stale
    /// in the same batch already.
    pub(super) fn admit(&self, waiting: Vec<Waiting>, now: Timestamp) -> Vec<Waiting> {
        let mut tally = self.tally();
        let mut current = self.epoch.borrow().number;
        let mut may = |one: &Waiting| {
            if one.entry.epoch.is_some_and(|decided| decided != current) {
                return Err(Unavailable::EpochMoved);
            }
            if !tally.admit(&one.entry, now) {
                return Err(Unavailable::AboveLimit);
            }
            current += u64::from(one.entry.opens_epoch.is_some());
            Ok(())
        };
        waiting
            .into_iter()
            .filter_map(|one| match may(&one) {
                Ok(()) => Some(one),
                Err(why) => {
                    let _ = one.reply.send(Err(why));
                    None
                }
            })
            .collect()
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        locked(&self.tally)
    }
}

/// Counts what was told on the day of `now` by a log of that size.
pub(super) async fn count_today(
    storage: &mut dyn Storage,
    size: u64,
    now: Timestamp,
    tally: &Mutex<Tally>,
) -> sqlx::Result<()> {
    let began = locked(tally).day_began(now);
    // The first entry of the day: times in the log only grow.
    let (mut from, mut until) = (0, size);
    while from < until {
        let middle = from + (until - from) / 2;
        let entries = storage.entries(middle, middle + 1).await?;
        let time = entries.first().and_then(|entry| time_of(&entry.actor.text));
        if time.ok_or_else(|| corrupt("an entry has no time"))? < began {
            from = middle + 1;
        } else {
            until = middle;
        }
    }
    while from < size {
        for entry in storage.entries(from, size.min(from + AT_ONCE)).await? {
            locked(tally).count_stored(&entry).map_err(|_| corrupt("an entry cannot be read"))?;
        }
        from += AT_ONCE;
    }
    Ok(())
}

fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
