//! Cells of special categories, sealed one by one: AES-256-GCM-SIV (RFC 8452), bound to their place.

use super::keyring::KeyringError;
use crate::{
    entropy::{Entropy, NoEntropy},
    ids::DatasetId,
};
use aes_gcm_siv::{
    Aes256GcmSiv, Nonce,
    aead::{Aead, KeyInit, Payload},
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

const NONCE: usize = 12;

/// The cipher of one key, ready: to make it costs as much as to open a cell.
pub(super) fn cipher(key: &[u8; 32]) -> Aes256GcmSiv {
    Aes256GcmSiv::new(key.into())
}

pub(super) fn seal(
    cipher: &Aes256GcmSiv,
    epoch: u32,
    place: CellPlace<'_>,
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<CellSealed, KeyringError> {
    let nonce: [u8; NONCE] = entropy.bytes().map_err(|NoEntropy| KeyringError::NoEntropy)?;
    let aad = associated(epoch, place);
    let sealed =
        cipher.encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &aad }).map_err(|_| KeyringError::Seal)?;
    Ok([&nonce[..], &sealed].concat())
}

pub(super) fn unseal(
    cipher: &Aes256GcmSiv,
    epoch: u32,
    place: CellPlace<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(KeyringError::Open)?;
    let aad = associated(epoch, place);
    cipher
        .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| KeyringError::Open)
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
