//! Proofs about an RFC 6962 tree: which hashes make one, and whether one holds.
//!
//! A proof is a list of hashes, each the root of a run of leaves. The makers
//! name those runs as [`Span`]s and leave reading to the caller; the verifiers
//! need nothing but the proof and take every input as hostile.

use super::merkle::{Frontier, Hash, NodeId, fold_subtrees, node_hash};

/// The leaves under one node of a proof (RFC 6962 section 2.1.1), from `start`
/// up to, not including, `end`. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u64,
    end: u64,
}

/// There is no such leaf or older tree to prove (RFC 6962 sections 2.1.1 and 2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree holds no such leaf, or no such older tree")]
pub struct OutOfTree;

/// A proof that proves nothing (RFC 9162 sections 2.1.3.2 and 2.1.4.2).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProof {
    /// No proof can exist for these sizes.
    #[error(transparent)]
    OutOfTree(#[from] OutOfTree),
    /// The proof has too few or too many hashes for these sizes.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The hashes do not lead to a given root.
    #[error("the proof does not lead to the root")]
    Root,
}

impl Span {
    /// The perfect subtrees whose hashes [`Span::fold`] needs (RFC 6962 section
    /// 2.1), left to right.
    pub fn nodes(&self) -> Vec<NodeId> {
        // A span starts at a multiple of a power of two that is no less than
        // its length, so it is a whole tree moved to the right.
        let mut nodes = Frontier::nodes_of(self.end - self.start);
        for node in &mut nodes {
            node.position += self.start >> node.level;
        }
        nodes
    }

    /// The root over the span's leaves (RFC 6962 section 2.1) from the hashes of
    /// its [`Span::nodes`]. `None` when there are not just as many.
    pub fn fold(&self, hashes: &[Hash]) -> Option<Hash> {
        if hashes.len() != self.nodes().len() {
            return None;
        }
        fold_subtrees(hashes)
    }

    /// Goes down from the root of a tree of `size` leaves towards a leaf until
    /// `arrived`. Returns where that is, and what it passed by: the bottom first.
    fn descend(size: u64, leaf: u64, arrived: impl Fn(&Span) -> bool) -> (Span, Vec<Span>) {
        let (start, end) = (0, size);
        let mut at = Span { start, end };
        let mut passed = Vec::new();
        while !arrived(&at) {
            // RFC 6962 section 2.1: the left half is the largest perfect
            // subtree that is smaller than the whole.
            let split = at.start + (1 << (at.end - at.start - 1).ilog2());
            let (left, right) = (Span { end: split, ..at }, Span { start: split, ..at });
            let is_left = leaf < split;
            passed.push(if is_left { right } else { left });
            at = if is_left { left } else { right };
        }
        passed.reverse();
        (at, passed)
    }
}

/// The path that proves leaf `index` (from 0) to be in the tree of `size`
/// leaves (RFC 6962 section 2.1.1), from the leaf to the root.
pub fn inclusion(index: u64, size: u64) -> Result<Vec<Span>, OutOfTree> {
    check_leaf(index, size)?;
    let (_, path) = Span::descend(size, index, |at| at.end - at.start == 1);
    Ok(path)
}

/// The path that proves the tree of `new` leaves to extend the tree of `old`
/// leaves (RFC 6962 section 2.1.2). It is empty for equal sizes. An empty old
/// tree is refused: every tree extends it, so there is nothing to prove.
pub fn consistency(old: u64, new: u64) -> Result<Vec<Span>, OutOfTree> {
    check_prefix(old, new)?;
    let (end, mut path) = Span::descend(new, old - 1, |at| at.end == old);
    // When it starts at 0 it is the old root, which the verifier has.
    if end.start > 0 {
        path.insert(0, end);
    }
    Ok(path)
}

/// Checks that the leaf with this hash is number `index` (from 0) of the tree
/// with this root (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), InvalidProof> {
    check_leaf(index, size)?;
    let mut hash = *leaf;
    climb(index, size - 1, path, |sibling, on_left| {
        hash = if on_left { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
    })?;
    check_root(hash == *root)
}

/// Checks that the tree of `new_size` leaves keeps every leaf of the tree of
/// `old_size` leaves in its place (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), InvalidProof> {
    check_prefix(old_size, new_size)?;
    // The same tree needs no proof, only the same root.
    if old_size == new_size {
        climb(0, 0, path, |_, _| ())?;
        return check_root(old_root == new_root);
    }
    // The path leaves out the root of an old tree that is one perfect subtree,
    // because the verifier has it.
    let (start, path) =
        if old_size.is_power_of_two() { (old_root, path) } else { path.split_first().ok_or(InvalidProof::Length)? };
    let (mut old_hash, mut new_hash) = (*start, *start);
    // From the last old leaf up to the largest perfect subtree that it ends:
    // less than 64 levels, as at least one leaf is newer.
    let (node, last) = (old_size - 1, new_size - 1);
    let up = node.trailing_ones();
    climb(node >> up, last >> up, path, |sibling, on_left| {
        if on_left {
            // What is on the left is part of both trees.
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
    })?;
    check_root(old_hash == *old_root && new_hash == *new_root)
}

/// Goes from a node to the root past the hashes of a path, and says of each
/// whether it stands on the left (step 4 of RFC 9162 section 2.1.3.2; `node` and
/// `last` are its `fn` and `sn`: two positions, of which `last` is the level's last).
fn climb(mut node: u64, mut last: u64, path: &[Hash], mut pass: impl FnMut(&Hash, bool)) -> Result<(), InvalidProof> {
    for sibling in path {
        if last == 0 {
            return Err(InvalidProof::Length);
        }
        let on_left = node & 1 == 1 || node == last;
        pass(sibling, on_left);
        // A last node without a left sibling goes up unchanged to where it has
        // one. It is not 0 here, so there is such a place.
        let up = if on_left { node.trailing_zeros() } else { 0 };
        (node, last) = (node >> up >> 1, last >> up >> 1);
    }
    (last == 0).then_some(()).ok_or(InvalidProof::Length)
}

fn check_leaf(index: u64, size: u64) -> Result<(), OutOfTree> {
    (index < size).then_some(()).ok_or(OutOfTree)
}

fn check_prefix(old: u64, new: u64) -> Result<(), OutOfTree> {
    (1..=new).contains(&old).then_some(()).ok_or(OutOfTree)
}

fn check_root(matches: bool) -> Result<(), InvalidProof> {
    matches.then_some(()).ok_or(InvalidProof::Root)
}
