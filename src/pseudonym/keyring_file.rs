//! The keyring as a file, sealed by a key-encryption key that is kept elsewhere.

use super::{
    cipher::{Cipher, NONCE, Refused},
    keyring::Keyring,
};
use crate::{
    access_log::checkpoint::LogSigner,
    entropy::{Entropy, NoEntropy},
    ids::DatasetId,
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The key that seals the keyring file: 32 bytes.
#[expect(missing_debug_implementations, reason = "a key")]
pub struct KeyEncryptionKey(Zeroizing<[u8; 32]>);

/// A keyring that cannot be used, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyring {
    /// Not 64 hexadecimal digits.
    #[error("a key-encryption key is 64 hexadecimal digits")]
    KeyEncryptionKey,
    /// Not the JSON that a keyring file is.
    #[error("the keyring file does not have the form of one")]
    Form,
    /// Wrong key-encryption key, or altered.
    #[error("the keyring does not open: it was sealed with another key-encryption key, or altered")]
    Open,
    /// No log name, or a bad one.
    #[error("the keyring holds no usable signing key for the access log")]
    NoSigningKey,
    /// A key is never replaced: what it sealed would be lost.
    #[error("the keyring has a key for this dataset already, and a key is never replaced")]
    Exists,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoEntropy,
}

/// Associated data of the seal, and the form's name.
const FORMAT: &str = "disown-keyring-1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    format: String,
    nonce: String,
    sealed: String,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Contents {
    log_name: String,
    log_seed: String,
    handles: String,
    months: String,
    #[zeroize(skip)]
    datasets: BTreeMap<DatasetId, DatasetRoot>,
    /// The stores that there are: what was made and is gone is not made anew.
    #[zeroize(skip)]
    stores: BTreeMap<String, StoreMark>,
}

/// How far a store was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreMark {
    /// It may be there in part.
    Begun,
    /// It was there, whole.
    Made,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct DatasetRoot {
    epoch: u32,
    key: String,
}

impl KeyEncryptionKey {
    /// Reads 64 hexadecimal digits, blanks around them ignored.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyring> {
        Ok(Self(key(text.trim()).map_err(|_| InvalidKeyring::KeyEncryptionKey)?))
    }
}

/// A new keyring file for an access log of that name and those datasets.
pub fn create(
    log_name: &str,
    datasets: &[DatasetId],
    kek: &KeyEncryptionKey,
    entropy: &dyn Entropy,
) -> Result<String, InvalidKeyring> {
    let fresh = || -> Result<String, InvalidKeyring> {
        let bytes = Zeroizing::new(entropy.bytes::<32>().map_err(|NoEntropy| InvalidKeyring::NoEntropy)?);
        Ok(hex::encode(bytes.as_slice()))
    };
    let contents = Contents {
        log_name: log_name.to_owned(),
        log_seed: fresh()?,
        handles: fresh()?,
        months: fresh()?,
        datasets: datasets
            .iter()
            .map(|dataset| Ok((dataset.clone(), DatasetRoot { epoch: 1, key: fresh()? })))
            .collect::<Result<_, InvalidKeyring>>()?,
        stores: BTreeMap::new(),
    };
    LogSigner::new(log_name, &*key(&contents.log_seed)?).map_err(|_| InvalidKeyring::NoSigningKey)?;
    seal(&contents, kek, entropy)
}

/// The same keyring file with a key for one more dataset.
pub fn add(
    text: &str,
    dataset: &DatasetId,
    kek: &KeyEncryptionKey,
    entropy: &dyn Entropy,
) -> Result<String, InvalidKeyring> {
    let mut contents = contents(text, kek)?;
    if contents.datasets.contains_key(dataset) {
        return Err(InvalidKeyring::Exists);
    }
    let key = Zeroizing::new(entropy.bytes::<32>().map_err(|NoEntropy| InvalidKeyring::NoEntropy)?);
    contents.datasets.insert(dataset.clone(), DatasetRoot { epoch: 1, key: hex::encode(key.as_slice()) });
    seal(&contents, kek, entropy)
}

/// The stores that were made, by name.
pub fn stores(text: &str, kek: &KeyEncryptionKey) -> Result<BTreeMap<String, StoreMark>, InvalidKeyring> {
    Ok(contents(text, kek)?.stores.clone())
}

/// The same keyring file, which remembers these stores too. What was made stays made.
pub fn with_stores(
    text: &str,
    marks: &BTreeMap<String, StoreMark>,
    kek: &KeyEncryptionKey,
    entropy: &dyn Entropy,
) -> Result<String, InvalidKeyring> {
    let mut contents = contents(text, kek)?;
    for (name, mark) in marks {
        let known = contents.stores.entry(name.clone()).or_insert(*mark);
        if *known == StoreMark::Begun {
            *known = *mark;
        }
    }
    seal(&contents, kek, entropy)
}

fn seal(contents: &Contents, kek: &KeyEncryptionKey, entropy: &dyn Entropy) -> Result<String, InvalidKeyring> {
    let plain = Zeroizing::new(serde_json::to_vec(contents).map_err(|_| InvalidKeyring::Form)?);
    let nonce: [u8; NONCE] = entropy.bytes().map_err(|NoEntropy| InvalidKeyring::NoEntropy)?;
    let sealed = Cipher::new(&kek.0).seal(nonce, FORMAT.as_bytes(), &plain).map_err(|Refused| InvalidKeyring::Form)?;
    let file = Sealed { format: FORMAT.to_owned(), nonce: hex::encode(nonce), sealed: BASE64.encode(sealed) };
    serde_json::to_string_pretty(&file).map_err(|_| InvalidKeyring::Form)
}

/// Opens a keyring file.
pub fn open(text: &str, kek: &KeyEncryptionKey) -> Result<Keyring, InvalidKeyring> {
    let contents = contents(text, kek)?;
    let signer =
        LogSigner::new(&contents.log_name, &*key(&contents.log_seed).map_err(|_| InvalidKeyring::NoSigningKey)?)
            .map_err(|_| InvalidKeyring::NoSigningKey)?;
    let roots = contents
        .datasets
        .iter()
        .map(|(dataset, root)| Ok((dataset.clone(), root.epoch, key(&root.key)?)))
        .collect::<Result<Vec<_>, InvalidKeyring>>()?;
    Ok(Keyring::new(&roots, key(&contents.handles)?, key(&contents.months)?, signer))
}

fn contents(text: &str, kek: &KeyEncryptionKey) -> Result<Contents, InvalidKeyring> {
    let file: Sealed = serde_json::from_str(text).map_err(|_| InvalidKeyring::Form)?;
    if file.format != FORMAT {
        return Err(InvalidKeyring::Form);
    }
    let mut nonce = [0; NONCE];
    hex::decode_to_slice(&file.nonce, &mut nonce).map_err(|_| InvalidKeyring::Form)?;
    let sealed = BASE64.decode(&file.sealed).map_err(|_| InvalidKeyring::Form)?;
    let plain = Cipher::new(&kek.0).open(nonce, FORMAT.as_bytes(), &sealed).map_err(|Refused| InvalidKeyring::Open)?;
    serde_json::from_slice(&plain).map_err(|_| InvalidKeyring::Form)
}

fn key(text: &str) -> Result<Zeroizing<[u8; 32]>, InvalidKeyring> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, bytes.as_mut_slice()).map_err(|_| InvalidKeyring::Form)?;
    Ok(bytes)
}
