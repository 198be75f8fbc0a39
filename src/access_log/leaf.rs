//! The three-part salted leaf: each part committed to on its own, so that one can be opened or erased without the others.

use super::merkle::{Hash, leaf_hash};
use sha2::{Digest, Sha256};

/// Version of the leaf's form, its first byte.
const VERSION: u8 = 1;

/// Which part a commitment is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartLabel {
    /// Who, when, for what.
    Actor,
    /// About whom.
    Subject,
    /// Digest of the answer.
    Answer,
}

/// A part with the salt of its commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Canonical JSON (RFC 8785).
    pub text: String,
    /// Random: without it nobody can tell what a commitment is to.
    pub salt: [u8; 16],
}

/// The commitments of an entry: what the tree is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitments {
    /// To the actor part.
    pub actor: Hash,
    /// To the subject part.
    pub subject: Hash,
    /// To the answer part.
    pub answer: Hash,
}

impl Part {
    /// `SHA-256(label ‖ salt ‖ part)`. Labels are no prefixes of one another and the salt has a fixed length, so nothing reads two ways.
    pub fn commitment(&self, label: PartLabel) -> Hash {
        commitment(label, &self.salt, self.text.as_bytes())
    }
}

/// `SHA-256(label ‖ salt ‖ part)`.
pub fn commitment(label: PartLabel, salt: &[u8; 16], part: &[u8]) -> Hash {
    let label: &[u8] = match label {
        PartLabel::Actor => b"disown.v1/actor",
        PartLabel::Subject => b"disown.v1/subject",
        PartLabel::Answer => b"disown.v1/answer",
    };
    let digest = Sha256::new().chain_update(label).chain_update(salt).chain_update(part).finalize();
    Hash::from_bytes(digest.into())
}

impl Commitments {
    /// The data of the leaf, without the 0x00 of RFC 6962 section 2.1.
    pub fn leaf_data(&self) -> Vec<u8> {
        [&[VERSION][..], self.actor.as_bytes(), self.subject.as_bytes(), self.answer.as_bytes()].concat()
    }

    /// The leaf hash.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&self.leaf_data())
    }
}
