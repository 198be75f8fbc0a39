//! What keeps the access log: two traits, since who reads it has no way to write; one folder an engine.

use super::{
    Found, Group,
    batch::{Batch, NewEntry, WriteError},
    epoch::{Epoch, SealedEpoch},
    filter::{Countable, Filter},
    leaf::Commitments,
    merkle::{Frontier, Hash, NodeId},
};
use crate::database::Durability;
use async_trait::async_trait;
use std::ops::Range;

/// The end that is written to. It belongs to the sequencer, and to nobody else.
#[async_trait]
pub(super) trait Storage: Send {
    /// Reads what the log ends with.
    async fn tail(&mut self) -> sqlx::Result<Tail>;

    /// Entries in the tree, by the last head.
    async fn size(&mut self) -> sqlx::Result<u64>;

    /// The last epoch that is stored, as it is sealed.
    async fn last_epoch(&mut self) -> sqlx::Result<SealedEpoch>;

    /// The actor part of the last entry of a tree of that size.
    async fn last_actor(&mut self, size: u64) -> sqlx::Result<Option<String>>;

    /// The heads of more than so many entries, oldest first.
    async fn heads(&mut self, after: u64) -> sqlx::Result<Vec<Head>>;

    /// So many entries at most can be without a checkpoint, whatever ends when: a batch of each that writes.
    fn most_unsigned(&self) -> u64;

    /// The hash of a perfect subtree, as it is stored.
    async fn hash(&mut self, id: NodeId) -> sqlx::Result<Option<Hash>>;

    /// Entries as they are stored.
    async fn entries(&mut self, from: u64, until: u64) -> sqlx::Result<Vec<NewEntry>>;

    /// The leaves as they are stored.
    async fn leaves(&mut self, from: u64, until: u64) -> sqlx::Result<Vec<Hash>>;

    /// Writes a batch in one transaction, conditional on the head and on the epoch, and gives its entries as they are there now.
    async fn commit(&mut self, batch: &Batch) -> Result<Vec<NewEntry>, WriteError>;

    /// Stores a checkpoint outside a batch.
    async fn store_checkpoint(&mut self, size: u64, note: &str) -> sqlx::Result<()>;

    /// The sealed key of a month, which `fresh` becomes where there is none.
    async fn month_key(&mut self, month: &str, fresh: &[u8]) -> sqlx::Result<Vec<u8>>;

    /// Ends in order.
    async fn close(self: Box<Self>) -> sqlx::Result<()>;

    /// The right edge of the tree of that size, as it is stored.
    async fn frontier(&mut self, size: u64) -> sqlx::Result<Frontier> {
        let mut nodes = Vec::new();
        for id in Frontier::nodes_of(size) {
            nodes.push(self.hash(id).await?.ok_or_else(|| corrupt("nodes are missing"))?);
        }
        Frontier::at(size, nodes).map_err(|_| corrupt("nodes are missing"))
    }
}

/// The end that is read from. Its connections cannot write.
#[async_trait]
pub(super) trait ReadStorage: std::fmt::Debug + Send + Sync {
    /// At most `limit` entries from index `from` on that match.
    async fn search(&self, filter: &Filter, from: u64, limit: u32) -> sqlx::Result<Vec<Found>>;

    /// How many entries match, by parts of theirs; the largest groups first, at most `most`.
    async fn count(&self, filter: &Filter, by: &[Countable], most: i64) -> sqlx::Result<Vec<Group>>;

    /// The sealed keys of the months that have one, by month.
    async fn month_keys(&self) -> sqlx::Result<Vec<(String, Vec<u8>)>>;

    /// The latest checkpoint, or that of a size.
    async fn checkpoint(&self, size: Option<u64>) -> sqlx::Result<Option<String>>;

    /// All checkpoints, oldest first.
    async fn checkpoints(&self) -> sqlx::Result<Vec<String>>;

    /// Entries in the log.
    async fn size(&self) -> sqlx::Result<u64>;

    /// The hashes of perfect subtrees, in this order; none where one is not stored.
    async fn hashes(&self, ids: &[NodeId]) -> sqlx::Result<Vec<Option<Hash>>>;

    /// The commitments of an entry.
    async fn commitments(&self, index: u64) -> sqlx::Result<Option<Commitments>>;

    /// Batches that a broker put in since it last noted the event `started`, by dataset and name, oldest first.
    async fn inputs_since(&self, started: &str, broker: &str) -> sqlx::Result<Vec<(String, String)>>;

    /// What is in force now, or was in an epoch; none: nothing was yet.
    async fn in_force(&self, epoch: Option<u64>) -> sqlx::Result<Option<InForceNow>>;

    /// A text that was kept under its hash.
    async fn archived(&self, version: &str, name: &str) -> sqlx::Result<Option<String>>;

    /// The epochs after one, up to another, oldest first.
    async fn epochs(&self, after: u64, until: u64) -> sqlx::Result<Vec<Epoch>>;

    /// Where an entry is when its receipt is given.
    async fn durability(&self) -> sqlx::Result<Durability>;

    /// As `Storage` has it.
    fn most_unsigned(&self) -> u64;

    /// The log as it is at one moment, to be verified whole.
    async fn snapshot(&self) -> sqlx::Result<Box<dyn Snapshot>>;

    /// Closes its connections.
    async fn close(&self);
}

/// A log that stands still while it is verified: a broker may be appending meanwhile.
#[async_trait]
pub(super) trait Snapshot: Send {
    /// Size and note of every checkpoint, oldest first.
    async fn checkpoints(&mut self) -> sqlx::Result<Vec<(u64, String)>>;

    /// Size and root of every head, oldest first.
    async fn heads(&mut self) -> sqlx::Result<Vec<(u64, Vec<u8>)>>;

    /// Shows at most `limit` entries from an index on, in their order and as they come in.
    async fn entries(&mut self, from: u64, limit: u32, show: Show<'_>) -> sqlx::Result<()>;

    /// The hashes of a level's perfect subtrees at these positions, one after another. What is no hash is left out.
    async fn subtrees(&mut self, level: u8, positions: Range<u64>) -> sqlx::Result<Vec<u8>>;

    /// How many perfect subtrees are stored.
    async fn count_subtrees(&mut self) -> sqlx::Result<u64>;
}

/// Looks at one entry after another.
pub(super) type Show<'s> = &'s mut (dyn FnMut(&Kept<'_>) + Send);

/// Text and salt, none once erased.
pub(super) type KeptPart<'r> = (Option<&'r [u8]>, Option<&'r [u8]>);

/// An entry exactly as it is stored, believed of nobody.
#[derive(Debug)]
pub(super) struct Kept<'r> {
    pub(super) index: u64,
    /// Actor, subject, answer.
    pub(super) parts: [KeptPart<'r>; 3],
    pub(super) commitments: [&'r [u8]; 3],
    pub(super) leaf: &'r [u8],
}

/// A tree head, believed of nobody yet.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) predecessor: u64,
    pub(super) root: Hash,
    /// The one in force behind it.
    pub(super) epoch: SealedEpoch,
    pub(super) seal: Vec<u8>,
}

/// The last epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForceNow {
    /// Its number.
    pub epoch: u64,
    /// SHA-256 of all files of the policy, hexadecimal.
    pub files: String,
}

/// What the log ends with.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) frontier: Frontier,
    /// Size of the head before the last.
    pub(super) predecessor: u64,
    pub(super) last_actor: Option<String>,
    /// The last checkpoint that is stored, believed of nobody yet.
    pub(super) note: Option<String>,
}

/// What a log ends with does not fit together.
pub(super) fn corrupt(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

/// A hash that was stored.
pub(super) fn hash_of(bytes: &[u8]) -> sqlx::Result<Hash> {
    Hash::try_from(bytes).map_err(|_| corrupt("a hash has another length"))
}

/// Commitments that were stored: of actor, subject and answer part.
pub(super) fn commitments_of((actor, subject, answer): (Vec<u8>, Vec<u8>, Vec<u8>)) -> sqlx::Result<Commitments> {
    Ok(Commitments { actor: hash_of(&actor)?, subject: hash_of(&subject)?, answer: hash_of(&answer)? })
}

/// A head that was stored: size, predecessor, root, epoch and the seal of that, seal.
pub(super) type HeadRow = (i64, i64, Vec<u8>, i64, Vec<u8>, Vec<u8>);

pub(super) fn head_of((size, predecessor, root, epoch, epoch_seal, seal): HeadRow) -> sqlx::Result<Head> {
    Ok(Head {
        size: size.unsigned_abs(),
        predecessor: predecessor.unsigned_abs(),
        root: hash_of(&root)?,
        epoch: SealedEpoch::stored(epoch, &epoch_seal)?,
        seal,
    })
}

/// A salt that was stored.
pub(super) fn salt_of(bytes: &[u8]) -> sqlx::Result<[u8; 16]> {
    bytes.try_into().map_err(|_| corrupt("a salt has another length"))
}
