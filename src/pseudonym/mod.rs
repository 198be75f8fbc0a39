//! Names of subjects: the identifier that comes in, the pseudonym inside one dataset, the handle towards one recipient, and the
//! keys that lead from one to the other. What leaves this folder are operations, never keys.

mod cell;
pub(crate) mod cipher;
mod identifier;
mod keyring;
mod keyring_file;

pub use cell::{CellPlace, CellSealed};
pub use identifier::{InvalidIdentifier, SubjectIdentifier};
pub use keyring::{Handle, Keyring, KeyringError, MonthKey, Recipient, RestrictionName, SubjectTag};
pub use keyring_file::{InvalidKeyring, KeyEncryptionKey, StoreMark, add, create, open, stores, with_stores};

use crate::ids::DatasetId;

/// The name of a subject inside one dataset: AES-256-SIV of its identifier under that dataset's key. It means nothing elsewhere,
/// so there is no way to compare two of them outside a store.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a pseudonym in telemetry would let two traces be joined")]
pub struct Pseudonym {
    dataset: DatasetId,
    bytes: [u8; Pseudonym::LENGTH],
}

impl Pseudonym {
    /// Bytes of every pseudonym: identifiers are padded, so that the length does not tell the scheme.
    pub const LENGTH: usize = 48;

    /// The pseudonym that a store of `dataset` gave back.
    pub fn stored(dataset: &DatasetId, bytes: &[u8]) -> Option<Self> {
        Some(Self { dataset: dataset.clone(), bytes: bytes.try_into().ok()? })
    }

    /// The bytes, for the store of `dataset` and no other: none where the pseudonym belongs to another dataset.
    pub fn bytes_in(&self, dataset: &DatasetId) -> Option<&[u8]> {
        (self.dataset == *dataset).then_some(&self.bytes)
    }
}
