//! Records on their way into a store and out of it.

use super::catalogue::RecordTypeId;
use crate::{ids::DatasetId, pseudonym::Pseudonym};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

/// Which columns of which record types to fetch, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<(RecordTypeId, u64)>);

impl Selection {
    /// Adds a column, by its place in the dataset, of a record type.
    pub fn add(&mut self, record_type: RecordTypeId, column: usize) {
        let bit = 1 << column;
        match self.0.iter_mut().find(|(known, _)| *known == record_type) {
            Some((_, mask)) => *mask |= bit,
            None => self.0.push((record_type, bit)),
        }
    }

    /// Whether a column is selected of some record type.
    pub fn has(&self, column: usize) -> bool {
        self.0.iter().any(|(_, mask)| mask >> column & 1 == 1)
    }

    /// The record types, each with a bit for every column selected.
    pub fn masks(&self) -> impl Iterator<Item = (RecordTypeId, u64)> + '_ {
        self.0.iter().copied()
    }
}

/// A cell as a store has it.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "personal data must not be printable")]
pub enum StoredCell {
    /// The record has no value there, or it was not selected.
    Empty,
    /// Text, a code, or a day as `2026-11-21`.
    Plain(String),
    /// A sealed cell, or the pseudonym of another subject.
    Bytes(Vec<u8>),
}

/// A record as a store gives it back.
#[expect(missing_debug_implementations, reason = "personal data must not be printable")]
pub struct StoredRecord {
    /// Random.
    pub record_id: [u8; 16],
    /// Its record type.
    pub record_type: RecordTypeId,
    /// One a column of the dataset; empty where not selected.
    pub cells: Vec<StoredCell>,
    /// The day it was as stated.
    pub as_of: Date,
    /// Where it came from, as `Source` is stored.
    pub source: String,
    /// What the subject is to the keeper.
    pub subject_category: String,
    /// The subject disputes it.
    pub disputed: bool,
}

/// A record on its way in.
#[expect(missing_debug_implementations, reason = "personal data must not be printable")]
pub struct NewRecord {
    /// Random.
    pub record_id: [u8; 16],
    /// Whom it is about.
    pub pseudonym: Pseudonym,
    /// Its record type.
    pub record_type: RecordTypeId,
    /// One a column of the dataset.
    pub cells: Vec<StoredCell>,
    /// One a unique column, in the order of the columns.
    pub blind_indexes: Vec<[u8; 32]>,
    /// The day it is as stated.
    pub as_of: Date,
    /// Where it comes from, as `Source` is stored.
    pub source: String,
    /// What the subject is to the keeper.
    pub subject_category: String,
    /// Of its commitment.
    pub salt: [u8; 16],
    /// Of the keys it is stored under.
    pub key_epoch: u32,
}

impl NewRecord {
    /// Commitment to the record as it is stored: salt, record id, pseudonym, and each cell with its length. Whoever holds the store can make
    /// it again from the row and hold it against the input entry; whoever holds the access log learns nothing from it.
    ///
    /// None where the record is not one of that dataset.
    pub fn commitment(&self, dataset: &DatasetId) -> Option<[u8; 32]> {
        let mut hash = Sha256::new()
            .chain_update(b"disown.v1/row")
            .chain_update(self.salt)
            .chain_update(self.record_id)
            .chain_update(self.pseudonym.bytes_in(dataset)?);
        for cell in &self.cells {
            let (tag, bytes): (u8, &[u8]) = match cell {
                StoredCell::Empty => (0, &[]),
                StoredCell::Plain(text) => (1, text.as_bytes()),
                StoredCell::Bytes(bytes) => (2, bytes),
            };
            hash.update([tag]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        Some(hash.finalize().into())
    }
}
