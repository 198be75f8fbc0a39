//! What a batch comes to before it is committed: stamped, salted, hashed; and what each entry gets out of it afterwards.

use super::Sequencer;
use crate::access_log::{
    batch::{Batch, NewEntry},
    canonical,
    checkpoint::Checkpoint,
    entry::{AnswerPart, Entry},
    epoch::{Archived, Epoch, SealedEpoch},
    leaf::Part,
    merkle::{Frontier, Hash, NodeId},
    proof,
    receipt::Receipt,
    state::Unavailable,
};
use crate::entropy::NoEntropy;
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::oneshot;

pub(super) struct Waiting {
    pub(super) entry: Arc<Entry>,
    pub(super) covers: Hash,
    pub(super) reply: oneshot::Sender<Result<Receipt, Unavailable>>,
}

/// What a batch comes to once it is stamped and hashed.
pub(super) struct Prepared {
    pub(super) batch: Batch,
    pub(super) frontier: Frontier,
    pub(super) known: HashMap<NodeId, Hash>,
    pub(super) last_time: Timestamp,
}

impl Sequencer {
    /// Stamps, salts and hashes; nothing of it counts until it is committed. The seals are yet to come.
    pub(super) fn prepare(&self, waiting: &[Waiting], now: Timestamp) -> Result<Prepared, NoEntropy> {
        let mut frontier = self.frontier.clone();
        let mut known: HashMap<NodeId, Hash> =
            Frontier::nodes_of(frontier.size()).into_iter().zip(frontier.nodes().iter().copied()).collect();
        let mut last_time = self.last_time;
        let mut entries = Vec::with_capacity(waiting.len());
        let mut commitments = Vec::with_capacity(waiting.len());
        let mut nodes = Vec::new();
        let mut epochs = Vec::new();
        for one in waiting {
            last_time = now.max(last_time + jiff::SignedDuration::from_micros(1));
            if let Some(new) = &one.entry.opens_epoch {
                epochs.push(Epoch { sealed: SealedEpoch::default(), opened: new.clone() });
            }
            let entry = self.stamp(one, frontier.size(), last_time)?;
            let committed = entry.commitments();
            let leaf = committed.leaf();
            commitments.push(committed);
            known.insert(NodeId { level: 0, position: entry.index }, leaf);
            let completed = frontier.push(leaf);
            known.extend(completed.iter().copied());
            nodes.extend(completed);
            entries.push(entry);
        }
        let (predecessor, size, root) = (self.frontier.size(), frontier.size(), frontier.root());
        let batch = Batch {
            predecessor,
            predecessor_root: self.frontier.root(),
            epoch: *self.epoch.borrow(),
            entries,
            commitments,
            nodes,
            size,
            root,
            seal: [0; 32],
            checkpoint: self.unstored_checkpoint.clone(),
            epochs,
        };
        Ok(Prepared { batch, frontier, known, last_time })
    }

    fn stamp(&self, one: &Waiting, index: u64, time: Timestamp) -> Result<NewEntry, NoEntropy> {
        // Asked for once: each time is a call to the system.
        let salts: [u8; 48] = self.entropy.bytes()?;
        let salt = |nth: usize| std::array::from_fn(|at| salts[16 * nth + at]);
        Ok(NewEntry {
            index,
            actor: Part {
                text: canonical::actor(&one.entry.actor, &format!("{time:.6}"), self.broker.as_str()),
                salt: salt(0),
            },
            subject: Part { text: canonical::subject(&one.entry.subject), salt: salt(1) },
            answer: Part { text: canonical::answer(&AnswerPart::of(&one.covers)), salt: salt(2) },
        })
    }
}

impl Entry {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let archived = self.opens_epoch.iter().flat_map(|new| &new.archive).map(|text: &Archived| text.content.len());
        512 + self.actor.fields.len() * 64 + archived.sum::<usize>()
    }
}

pub(super) fn receipt(
    entry: NewEntry,
    subject_commitment: Hash,
    covers: Hash,
    size: u64,
    known: &HashMap<NodeId, Hash>,
    checkpoint: &Checkpoint,
) -> Option<Receipt> {
    let spans = proof::inclusion(entry.index, size).ok()?;
    let inclusion = spans
        .iter()
        .map(|span| span.fold(&span.nodes().iter().map(|id| known.get(id).copied()).collect::<Option<Vec<_>>>()?))
        .collect::<Option<Vec<_>>>()?;
    Some(Receipt {
        index: entry.index,
        subject_commitment,
        actor: entry.actor,
        answer: entry.answer,
        covers,
        inclusion,
        checkpoint: checkpoint.clone(),
    })
}

pub(super) fn rehash(before: &Frontier, stored: &[NewEntry]) -> Hash {
    let mut frontier = before.clone();
    for entry in stored {
        frontier.push(entry.commitments().leaf());
    }
    frontier.root()
}

pub(super) fn time_of(actor: &str) -> Option<Timestamp> {
    let actor: serde_json::Value = serde_json::from_str(actor).ok()?;
    actor.get("time")?.as_str()?.parse().ok()
}
