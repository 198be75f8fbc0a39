//! The hashes of an RFC 6962 Merkle tree: pure functions, no storage.
//!
//! A tree of any size is the fold of a few perfect subtrees, one for each set
//! bit of its size. That short list, the [`Frontier`], is all that appending a
//! leaf or computing the root needs: the log never reads its older leaves.

use std::fmt;

use sha2::{Digest, Sha256};

/// Prefix of a leaf's input (RFC 6962 section 2.1).
const LEAF: u8 = 0;
/// Prefix of an interior node's input. It differs from [`LEAF`] so that no
/// pair of nodes can be passed off as the data of a leaf.
const NODE: u8 = 1;

/// A SHA-256 hash of a leaf, of a node or of a whole tree (RFC 6962 section 2.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

/// A hash that is not 32 bytes long.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 32 bytes, not {0}")]
pub struct WrongLength(usize);

impl Hash {
    /// Takes the 32 bytes of a hash (RFC 6962 section 2.1) as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash (RFC 6962 section 2.1).
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = WrongLength;

    fn try_from(bytes: &[u8]) -> Result<Self, WrongLength> {
        let bytes = bytes.try_into().map_err(|_| WrongLength(bytes.len()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The hash of a leaf with this data (RFC 6962 section 2.1).
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[&[LEAF], data])
}

/// The hash of the node over two subtrees (RFC 6962 section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[NODE], &left.0, &right.0])
}

/// The root of the tree without leaves: the hash of nothing (RFC 6962 section 2.1).
pub fn empty_root() -> Hash {
    sha256(&[])
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// Folds perfect subtrees that stand side by side, largest first, to their
/// common root (RFC 6962 section 2.1). `None` when there are none.
pub(super) fn fold_subtrees(nodes: &[Hash]) -> Option<Hash> {
    let from_the_right = nodes.iter().rev().copied();
    from_the_right.reduce(|right, left| node_hash(&left, &right))
}

/// The place of a perfect subtree (RFC 6962 section 2.1): it stands over the
/// leaves from `position << level` up to, not including, `(position + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId {
    /// The height: 0 is a leaf, and a node at level `n` has `2^n` leaves.
    pub level: u8,
    /// The number of subtrees of this level to its left.
    pub position: u64,
}

/// The perfect subtrees that make up a tree, largest and leftmost first
/// (RFC 6962 section 2.1). It grows by one leaf at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One for each set bit of `size`, always.
    nodes: Vec<Hash>,
}

/// A number of subtrees that cannot make up a tree of the given size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves is made of {} perfect subtrees, not {given}", .size.count_ones())]
pub struct WrongFrontier {
    size: u64,
    given: usize,
}

impl Frontier {
    /// The empty tree (RFC 6962 section 2.1).
    pub fn new() -> Self {
        Self::default()
    }

    /// Rebuilds the frontier of a tree of `size` leaves (RFC 6962 section 2.1)
    /// from the hashes of [`Frontier::nodes_of`] that size, in that order.
    pub fn at(size: u64, nodes: Vec<Hash>) -> Result<Self, WrongFrontier> {
        if nodes.len() != Self::nodes_of(size).len() {
            let given = nodes.len();
            return Err(WrongFrontier { size, given });
        }
        Ok(Self { size, nodes })
    }

    /// The perfect subtrees that make up a tree of `size` leaves (RFC 6962
    /// section 2.1), largest and leftmost first.
    pub fn nodes_of(size: u64) -> Vec<NodeId> {
        (0..64u8)
            .rev()
            .filter(|level| size >> level & 1 == 1)
            .map(|level| NodeId {
                level,
                // The larger subtrees end where this one starts, so it is the
                // last node of its level.
                position: (size >> level) - 1,
            })
            .collect()
    }

    /// The hashes of [`Frontier::nodes_of`] its size, in that order.
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of a leaf and returns every perfect subtree that it
    /// completes (RFC 6962 section 2.1), lowest first. The leaf itself, level
    /// 0, is not among them.
    pub fn push(&mut self, leaf: Hash) -> Vec<(NodeId, Hash)> {
        let size = self.size.checked_add(1);
        let size = size.expect("no log lives to hold 2^64 leaves");
        let mut completed = Vec::new();
        let mut hash = leaf;
        let mut level = 0;
        // Like the carry of adding one: each trailing set bit of the old size
        // is a finished left half, and the new leaf finishes its right half.
        while self.size >> level & 1 == 1
            && let Some(left) = self.nodes.pop()
        {
            level += 1;
            hash = node_hash(&left, &hash);
            let position = self.size >> level;
            completed.push((NodeId { level, position }, hash));
        }
        self.nodes.push(hash);
        self.size = size;
        completed
    }

    /// The root of the tree (RFC 6962 section 2.1).
    pub fn root(&self) -> Hash {
        fold_subtrees(&self.nodes).unwrap_or_else(empty_root)
    }
}
