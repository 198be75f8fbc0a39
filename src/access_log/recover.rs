//! What a start believes of the log that it finds.

use super::{
    checkpoint::Checkpoint,
    epoch::SealedEpoch,
    merkle::Frontier,
    storage::{Head, Storage, Tail, corrupt},
};
use crate::pseudonym::Keyring;

/// Nothing is signed over an end that does not fit: the last checkpoint must be this log's and this key's, and the last batch, with
/// whatever was committed and never signed, is read and hashed again and must lead from what was signed to the last head; behind that head
/// no epoch is missing, and none is new. Gives the size that is signed, and the last epoch.
pub(super) async fn check_end(
    storage: &mut dyn Storage,
    tail: &Tail,
    keyring: &Keyring,
) -> Result<(u64, SealedEpoch), sqlx::Error> {
    let size = tail.frontier.size();
    let signed = match &tail.note {
        Some(note) => Some(
            Checkpoint::open(note, &keyring.log_key())
                .map_err(|_| corrupt("its last checkpoint is not signed with this keyring's key for this log"))?,
        ),
        None => None,
    };
    let signed_size = signed.as_ref().map_or(0, Checkpoint::size);
    match size.checked_sub(signed_size) {
        None => return Err(corrupt("entries are missing over which a checkpoint was signed")),
        Some(unsigned) if unsigned > storage.most_unsigned() => {
            return Err(corrupt("more entries are unsigned than a crash leaves"));
        }
        Some(_) => {}
    }
    let from = signed_size.min(tail.predecessor);
    let heads = storage.heads(from).await?;
    follow_heads(&heads, from, keyring).await?;
    let epoch = heads.last().map_or_else(SealedEpoch::default, |head| head.epoch);
    if storage.last_epoch().await? != epoch {
        return Err(corrupt("its last epoch of control is not the one that its last head was made in"));
    }
    let mut frontier = storage.frontier(from).await?;
    let leaves = storage.leaves(from, size).await?;
    let entries = storage.entries(from, size).await?;
    let fits = |frontier: &Frontier| {
        signed.as_ref().is_none_or(|signed| signed.size() != frontier.size() || *signed.root() == frontier.root())
    };
    let mut whole = fits(&frontier) && entries.len() == leaves.len();
    for (entry, leaf) in entries.iter().zip(&leaves) {
        whole &= entry.commitments().leaf() == *leaf;
        frontier.push(*leaf);
        whole &= fits(&frontier);
    }
    if whole && frontier.size() == size && frontier.root() == tail.frontier.root() {
        Ok((signed_size, epoch))
    } else {
        Err(corrupt("its last entries do not fit what was signed"))
    }
}

/// Each head follows the one before, and a broker made it.
pub(super) async fn follow_heads(heads: &[Head], from: u64, keyring: &Keyring) -> Result<(), sqlx::Error> {
    let mut before = from;
    for head in heads {
        let seal = keyring.seal_head(head.predecessor, head.size, &head.root, head.epoch.parts()).await;
        if head.predecessor != before || head.seal != seal {
            return Err(corrupt("a head of it was made by nobody who may append"));
        }
        before = head.size;
    }
    Ok(())
}
