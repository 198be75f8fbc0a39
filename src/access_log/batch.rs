//! A batch of entries on its way into the log, and how that can fail.

use super::{
    epoch::{Epoch, SealedEpoch},
    leaf::{Commitments, Part},
    merkle::{Hash, NodeId},
};
use crate::pseudonym::Keyring;

/// A batch to be written.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) predecessor: u64,
    pub(super) predecessor_root: Hash,
    /// The one in force behind it.
    pub(super) epoch: SealedEpoch,
    pub(super) entries: Vec<NewEntry>,
    /// Of each entry.
    pub(super) commitments: Vec<Commitments>,
    pub(super) nodes: Vec<(NodeId, Hash)>,
    pub(super) size: u64,
    pub(super) root: Hash,
    /// Of predecessor, size, root and epoch.
    pub(super) seal: [u8; 32],
    /// The checkpoint of the head before, if it is not stored yet.
    pub(super) checkpoint: Option<(u64, String)>,
    /// The epochs that it opens.
    pub(super) epochs: Vec<Epoch>,
}

/// One entry, stamped and salted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewEntry {
    pub(super) index: u64,
    pub(super) actor: Part,
    pub(super) subject: Part,
    pub(super) answer: Part,
}

/// A write that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// Nothing was written; the batch fails and the log goes on.
    #[error("nothing was written: {0}")]
    Rejected(String),
    /// Nothing was written: the head is not what was thought. Whoever reads on can try again.
    #[error("another broker appended to this log")]
    Conflict,
    /// Somebody writes who must not.
    #[error("another writer appended to this log")]
    Foreign,
    /// It may have been written and may not. Whoever reads on finds out; until then nothing of it counts.
    #[error("it is unknown whether the batch was written: {0}")]
    Lost(String),
    /// Nobody can say whether it was written. Only a restart, which reads what is there, can tell.
    #[error("it is unknown whether the batch was written: {0}")]
    StateUnknown(String),
}

impl Batch {
    /// Seals the epochs that it opens, one after another, and its head behind them.
    pub(super) async fn seal(&mut self, keyring: &Keyring) {
        for Epoch { sealed, opened } in &mut self.epochs {
            *sealed = self.epoch.then(opened, keyring).await;
            self.epoch = *sealed;
        }
        self.seal = keyring.seal_head(self.predecessor, self.size, &self.root, self.epoch.parts()).await;
    }
}

impl NewEntry {
    pub(super) fn commitments(&self) -> Commitments {
        use super::leaf::PartLabel::{Actor, Answer, Subject};
        Commitments {
            actor: self.actor.commitment(Actor),
            subject: self.subject.commitment(Subject),
            answer: self.answer.commitment(Answer),
        }
    }
}
