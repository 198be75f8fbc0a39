//! The only place where a `Receipt` comes into being.

use super::{checkpoint::Checkpoint, leaf::Part, merkle::Hash};

/// Proof that an entry is durable in the access log.
///
/// INVARIANT (log-before-release): made by the sequencer after the commit that contains the entry has been synced, read back,
/// hashed again and signed over. Not `Clone`, not `Default`, no public maker: one receipt releases one answer.
#[must_use = "an answer may only be released with its receipt"]
#[derive(Debug)]
pub struct Receipt {
    pub(super) index: u64,
    pub(super) actor: Part,
    pub(super) subject_commitment: Hash,
    pub(super) answer: Part,
    pub(super) covers: Hash,
    pub(super) inclusion: Vec<Hash>,
    pub(super) checkpoint: Checkpoint,
}

impl Receipt {
    /// Index of the entry.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The digest of the bytes that the entry covers.
    pub fn covers(&self) -> &Hash {
        &self.covers
    }

    /// The actor part, opened.
    pub fn actor(&self) -> &Part {
        &self.actor
    }

    /// Commitment to the part about the subject.
    pub fn subject_commitment(&self) -> &Hash {
        &self.subject_commitment
    }

    /// The answer part, opened.
    pub fn answer(&self) -> &Part {
        &self.answer
    }

    /// Inclusion proof from the leaf to the root of the checkpoint.
    pub fn inclusion(&self) -> &[Hash] {
        &self.inclusion
    }

    /// The signed tree head.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}
