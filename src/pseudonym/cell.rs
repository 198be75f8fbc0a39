//! Cells of special categories, sealed one by one and bound to their place.

use super::{
    cipher::{Cipher, NONCE, Refused},
    keyring::KeyringError,
};
use crate::{
    entropy::{Entropy, NoEntropy},
    ids::DatasetId,
};
use zeroize::Zeroizing;

/// Where a cell is. A sealed cell opens in its own place only: moved to another record or column it is worth nothing.
#[derive(Debug, Clone, Copy)]
pub struct CellPlace<'a> {
    /// The dataset.
    pub dataset: &'a DatasetId,
    /// The record type.
    pub record_type: &'a str,
    /// The column.
    pub column: &'a str,
    /// The record.
    pub record_id: &'a [u8; 16],
}

/// A sealed cell: nonce and ciphertext.
pub type CellSealed = Vec<u8>;

pub(super) fn seal(
    cipher: &Cipher,
    epoch: u32,
    place: CellPlace<'_>,
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<CellSealed, KeyringError> {
    let nonce: [u8; NONCE] = entropy.bytes().map_err(|NoEntropy| KeyringError::NoEntropy)?;
    let sealed = cipher.seal(nonce, &associated(epoch, place), plain).map_err(|Refused| KeyringError::Seal)?;
    Ok([&nonce[..], &sealed].concat())
}

pub(super) fn unseal(
    cipher: &Cipher,
    epoch: u32,
    place: CellPlace<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(KeyringError::Open)?;
    cipher.open(*nonce, &associated(epoch, place), sealed).map_err(|Refused| KeyringError::Open)
}

/// Dataset, record type, column, record and epoch, each with its length before it, so that no two places read the same.
fn associated(epoch: u32, place: CellPlace<'_>) -> Vec<u8> {
    let parts: [&[u8]; 5] = [
        place.dataset.as_str().as_bytes(),
        place.record_type.as_bytes(),
        place.column.as_bytes(),
        place.record_id,
        &epoch.to_be_bytes(),
    ];
    let mut associated = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
    for part in parts {
        associated.extend_from_slice(&(part.len() as u64).to_be_bytes());
        associated.extend_from_slice(part);
    }
    associated
}
