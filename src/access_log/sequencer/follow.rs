//! The log as it is by now: what other brokers appended, what a lost commit left, and what is gone with a primary that was lost.

use super::{Sequencer, Waiting, time_of};
use crate::access_log::{
    batch::NewEntry, epoch::SealedEpoch, merkle::Frontier, recover::follow_heads, storage::corrupt,
};

impl Sequencer {
    /// Follows the log to where it is now: what other brokers appended, and a batch of this one's that came through after all.
    pub(super) async fn read_on(&mut self) -> Result<(), sqlx::Error> {
        let (vouched, epoch) = self.vouched.clone();
        // A standby may have been promoted that never had what was committed on the primary alone. Nobody has a receipt of ours for that;
        // but if decisions came to depend on it, only a restart makes all of them anew.
        let can_give_up = vouched.size() < self.frontier.size() && epoch == *self.epoch.borrow();
        match self.read_on_from(self.frontier.clone()).await {
            Err(sqlx::Error::Decode(_)) if can_give_up => self.read_on_from(vouched).await,
            read => read,
        }
    }

    async fn read_on_from(&mut self, mut frontier: Frontier) -> Result<(), sqlx::Error> {
        let from = frontier.size();
        let mut heads = self.storage.heads(from.saturating_sub(1)).await?;
        let mut epoch = SealedEpoch::default();
        if from > 0 {
            // As many entries are not the same entries: another host may have got others meanwhile.
            if !heads.first().is_some_and(|head| head.size == from && head.root == frontier.root()) {
                return Err(corrupt("entries are missing over which a receipt was given"));
            }
            epoch = heads.remove(0).epoch;
        }
        follow_heads(&heads, from, &self.keyring).await?;
        epoch = heads.last().map_or(epoch, |head| head.epoch);
        let mut appended: Vec<NewEntry> = Vec::new();
        for head in &heads {
            for entry in self.storage.entries(frontier.size(), head.size).await? {
                frontier.push(entry.commitments().leaf());
                appended.push(entry);
            }
            if frontier.size() != head.size || frontier.root() != head.root {
                return Err(corrupt("its entries do not fit a head of it"));
            }
        }
        // Counted twice where this goes by what was vouched for: a limit is reached early then, which denies.
        for entry in &appended {
            self.tally().count_stored(entry).map_err(|_| corrupt("an entry cannot be read"))?;
        }
        let last_actor = self.storage.last_actor(frontier.size()).await?;
        let last_time = last_actor.as_deref().and_then(time_of).unwrap_or(self.last_time);
        self.last_time = self.last_time.max(last_time);
        self.frontier = frontier;
        self.epoch.send_if_modified(|known| std::mem::replace(known, epoch) != epoch);
        self.behind = false;
        Ok(())
    }

    /// A log that does not fit together ends the broker. One that is not reached is tried again with the next entry.
    pub(super) fn could_not_read_on(&mut self, waiting: Vec<Waiting>, error: &sqlx::Error) -> bool {
        if matches!(error, sqlx::Error::Decode(_)) {
            return self.stop(waiting, &error.to_string());
        }
        self.behind = true;
        self.unwritable(waiting, error.to_string());
        true
    }

    /// A log that nobody appends to could be gone for long and nobody would know.
    pub(super) async fn check(&mut self) {
        if let Err(error) = self.storage.size().await {
            self.behind = true;
            self.unwritable(vec![], error.to_string());
        }
    }
}
