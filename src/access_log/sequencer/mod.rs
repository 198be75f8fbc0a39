//! Puts entries in order, makes them durable, and only then hands out receipts.

mod admit;
mod follow;
mod prepare;
#[cfg(test)]
mod tests;

use super::{
    batch::{NewEntry, WriteError},
    entry::Entry,
    epoch::SealedEpoch,
    merkle::{Frontier, Hash},
    receipt::Receipt,
    recover::check_end,
    state::{LogState, Unavailable},
    storage::Storage,
    tally::Tally,
};
use crate::{clock::Clock, entropy::Entropy, ids::BrokerId, pseudonym::Keyring, telemetry::metrics};
use admit::count_today;
use jiff::Timestamp;
use prepare::{Prepared, Waiting, receipt, rehash, time_of};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tracing::Instrument;

/// One batch has at most so many entries and bytes: enough to share a sync, little enough for nobody to wait long.
pub(super) const BATCH_ENTRIES: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// With so many waiting a commit begins although more are about to come: they wait for the next one while this one is under way.
const ENOUGH: usize = 24;

/// What the sequencer is asked for.
pub(super) enum Command {
    /// Append an entry that covers bytes of this digest.
    Append { entry: Arc<Entry>, covers: Hash, reply: oneshot::Sender<Result<Receipt, Unavailable>> },
    /// Find out whether the log is reached.
    Check,
    /// The sealed key of a month, which `fresh` becomes where there is none.
    MonthKey { month: String, fresh: Vec<u8>, reply: oneshot::Sender<Result<Vec<u8>, Unavailable>> },
}

/// What others see of its work.
pub(super) struct Published {
    pub(super) state: watch::Sender<LogState>,
    pub(super) epoch: watch::Sender<SealedEpoch>,
    /// What was told today.
    pub(super) tally: Arc<Mutex<Tally>>,
}

/// The single writer of the access log.
pub(super) struct Sequencer {
    storage: Box<dyn Storage>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    broker: BrokerId,
    frontier: Frontier,
    /// As far as this broker gave receipts, and the epoch then. What came after may be gone with a primary that was lost.
    vouched: (Frontier, SealedEpoch),
    epoch: watch::Sender<SealedEpoch>,
    tally: Arc<Mutex<Tally>>,
    last_time: Timestamp,
    unstored_checkpoint: Option<(u64, String)>,
    /// The log may be further than is known here.
    behind: bool,
    state: watch::Sender<LogState>,
}

impl Sequencer {
    /// Reads what the log ends with, and signs the last head again if a crash came between commit and signature: the way of
    /// recovery is the way of every start.
    pub(super) async fn start(
        mut storage: Box<dyn Storage>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        broker: BrokerId,
        published: Published,
    ) -> Result<Self, sqlx::Error> {
        let Published { state, epoch, tally } = published;
        let tail = storage.tail().await?;
        let size = tail.frontier.size();
        let (signed, last_epoch) = check_end(&mut *storage, &tail, &keyring).await?;
        epoch.send_replace(last_epoch);
        if signed != size {
            let checkpoint = keyring.sign(size, &tail.frontier.root()).await;
            storage.store_checkpoint(size, checkpoint.note()).await?;
        }
        let last_time = tail.last_actor.as_deref().and_then(time_of).unwrap_or(Timestamp::UNIX_EPOCH);
        count_today(&mut *storage, size, clock.now().max(last_time), &tally).await?;
        Ok(Self {
            last_time,
            tally,
            vouched: (tail.frontier.clone(), last_epoch),
            frontier: tail.frontier,
            storage,
            keyring,
            clock,
            entropy,
            broker,
            epoch,
            unstored_checkpoint: None,
            behind: false,
            state,
        })
    }

    /// Works until every appender is gone or the state of the log is unknown. No timer: what waits when a commit ends is the next
    /// batch.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = self.next(&mut commands).await {
            // Whoever is about to append may do so first, and share the commit.
            let mut before = None;
            while before != Some(commands.len()) && commands.len() < ENOUGH {
                before = Some(commands.len());
                tokio::task::yield_now().await;
            }
            let mut waiting = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(command) = next.take() {
                match command {
                    Command::Check => self.check().await,
                    Command::MonthKey { month, fresh, reply } => {
                        let _ = reply.send(self.month_key(&month, &fresh).await);
                    }
                    Command::Append { entry, covers, reply } => {
                        bytes += entry.size();
                        waiting.push(Waiting { entry, covers, reply });
                    }
                }
                if waiting.len() < BATCH_ENTRIES && bytes < BATCH_BYTES {
                    next = commands.try_recv().ok();
                }
            }
            metrics::queue(commands.len());
            if !waiting.is_empty() && !self.append(waiting).await {
                // INVARIANT (append-only): from here nobody may append; what still waits is dropped, and with it its answer.
                return;
            }
        }
        self.store_checkpoint().await;
        if let Err(error) = self.storage.close().await {
            tracing::warn!(%error, "the access log did not close cleanly");
        }
    }

    /// The next that is asked for. A checkpoint goes with the next batch; where none comes for a while, by itself.
    async fn next(&mut self, commands: &mut mpsc::Receiver<Command>) -> Option<Command> {
        const A_WHILE: Duration = Duration::from_millis(20);
        if self.unstored_checkpoint.is_some() {
            match timeout(A_WHILE, commands.recv()).await {
                Ok(command) => return command,
                Err(_) => self.store_checkpoint().await,
            }
        }
        commands.recv().await
    }

    /// Whether the log can go on.
    async fn append(&mut self, mut waiting: Vec<Waiting>) -> bool {
        let known = self.epoch.borrow().number;
        // Another broker opened the epoch in which some of these were decided.
        let ahead = waiting.iter().any(|one| one.entry.epoch.is_some_and(|decided| decided > known));
        if (self.behind || ahead)
            && let Err(error) = self.read_on().await
        {
            return self.could_not_read_on(waiting, &error);
        }
        loop {
            let now = self.next_time();
            waiting = self.admit(waiting, now);
            if waiting.is_empty() {
                return true;
            }
            let mut prepared = match self.prepare(&waiting, now) {
                Ok(prepared) => prepared,
                Err(_) => {
                    self.tally().take_back();
                    fail(waiting, Unavailable::Unwritable);
                    return true;
                }
            };
            prepared.batch.seal(&self.keyring).await;
            let (entries, began) = (prepared.batch.entries.len(), Instant::now());
            let committed =
                self.storage.commit(&prepared.batch).instrument(tracing::info_span!("commit", entries)).await;
            metrics::commit(entries, began.elapsed(), if committed.is_ok() { "committed" } else { "failed" });
            if committed.is_err() {
                // Of what came through after all the log will tell.
                self.tally().take_back();
            }
            match committed {
                Ok(stored) => return self.finish(waiting, prepared, &stored).await,
                // Another broker was first. Whoever is always second still gets there: each round somebody does.
                Err(WriteError::Conflict) => {
                    if let Err(error) = self.read_on().await {
                        return self.could_not_read_on(waiting, &error);
                    }
                }
                Err(WriteError::Rejected(reason)) => {
                    self.unwritable(waiting, reason);
                    return true;
                }
                Err(WriteError::Lost(reason)) => {
                    // What is there by now is found out before anything else is appended.
                    self.behind = true;
                    self.unwritable(waiting, reason);
                    return true;
                }
                Err(error @ (WriteError::Foreign | WriteError::StateUnknown(_))) => {
                    return self.stop(waiting, &error.to_string());
                }
            }
        }
    }

    fn unwritable(&mut self, waiting: Vec<Waiting>, reason: String) {
        tracing::error!(%reason, "the access log cannot be written; nothing is released");
        self.state.send_replace(LogState::Unwritable(reason));
        fail(waiting, Unavailable::Unwritable);
    }

    /// The batch is durable, and this is what is there. Hashes it again, signs, and hands out the receipts.
    async fn finish(&mut self, waiting: Vec<Waiting>, prepared: Prepared, stored: &[NewEntry]) -> bool {
        let Prepared { batch, frontier, known, last_time } = prepared;
        // What is signed is what the store has, not what was meant: one flipped bit would spoil the log for ever.
        if stored != batch.entries || rehash(&self.frontier, stored) != batch.root {
            return self.stop(waiting, "the batch reads back otherwise than it was written");
        }
        let checkpoint = self.keyring.sign(batch.size, &batch.root).await;
        (self.frontier, self.last_time) = (frontier, last_time);
        self.vouched = (self.frontier.clone(), batch.epoch);
        self.epoch.send_replace(batch.epoch);
        self.tally().settle();
        // A crash here leaves a head without its checkpoint; the next start hashes and signs it again.
        self.unstored_checkpoint = Some((batch.size, checkpoint.note().to_owned()));
        self.state.send_if_modified(|state| {
            let recovered = *state != LogState::Ready;
            *state = LogState::Ready;
            recovered
        });
        for ((one, entry), committed) in waiting.into_iter().zip(batch.entries).zip(batch.commitments) {
            let Some(receipt) = receipt(entry, committed.subject, one.covers, batch.size, &known, &checkpoint) else {
                let _ = one.reply.send(Err(Unavailable::Unwritable));
                continue;
            };
            // Whoever asked may be gone; the entry says that release was authorised, and it stays.
            let _ = one.reply.send(Ok(receipt));
        }
        true
    }

    fn stop(&mut self, waiting: Vec<Waiting>, reason: &str) -> bool {
        tracing::error!(%reason, "the state of the access log is unknown; the broker stops");
        self.state.send_replace(LogState::Unknown(reason.to_owned()));
        fail(waiting, Unavailable::Unwritable);
        false
    }

    async fn month_key(&mut self, month: &str, fresh: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let kept = self.storage.month_key(month, fresh).await;
        kept.map_err(|error| {
            self.unwritable(vec![], error.to_string());
            Unavailable::Unwritable
        })
    }

    /// With nobody waiting: otherwise the next batch takes it along.
    async fn store_checkpoint(&mut self) {
        if let Some((size, note)) = self.unstored_checkpoint.take()
            && let Err(error) = self.storage.store_checkpoint(size, &note).await
        {
            tracing::warn!(%error, size, "a checkpoint could not be stored; the next batch takes it along");
            self.unstored_checkpoint = Some((size, note));
        }
    }
}

fn fail(waiting: Vec<Waiting>, why: Unavailable) {
    for one in waiting {
        let _ = one.reply.send(Err(why));
    }
}
