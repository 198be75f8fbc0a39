//! What can be done with the keys.

use super::{
    Pseudonym, SubjectIdentifier,
    cell::{self, CellPlace, CellSealed},
    cipher::Cipher,
};
use crate::{
    access_log::{
        checkpoint::{Checkpoint, LogKey, LogSigner},
        merkle::Hash,
    },
    database::StoreIdentity,
    entropy::{Entropy, NoEntropy},
    ids::{AgreementId, DatasetId, OrganisationId},
};
use aes_siv::{KeyInit, siv::Aes256Siv};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// The keys of one deployment. No key leaves it. The operations are asynchronous, since a key process or a hardware module may
/// stand behind them one day.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Keyring {
    datasets: HashMap<DatasetId, DatasetKeys>,
    handles: Zeroizing<[u8; 32]>,
    months: Cipher,
    restrictions: Zeroizing<[u8; 32]>,
    heads: Zeroizing<[u8; 32]>,
    signer: LogSigner,
}

/// The keys of one dataset, derived from its root key by what they are for (HKDF, RFC 5869).
struct DatasetKeys {
    epoch: u32,
    pseudonyms: Zeroizing<[u8; 64]>,
    cells: Cipher,
    index: Zeroizing<[u8; 32]>,
}

/// Who gets an answer, under which terms: the domain of a handle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipient {
    /// The organisation of the caller.
    pub organisation: OrganisationId,
    /// The agreement asked under.
    pub agreement: AgreementId,
}

/// The name of a subject towards one recipient. It means nothing to another one.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "a handle names a subject to whoever holds the answer")]
pub struct Handle(String);

impl Handle {
    /// As it stands in answers.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key of the subject tags of one month. Destroying it makes the tags of that month mean nothing.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a key")]
pub struct MonthKey(Zeroizing<[u8; 32]>);

/// The name of a subject in the access log for a month.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SubjectTag(String);

impl SubjectTag {
    /// Hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a subject among those whose data may not be used: HMAC-SHA-256 under a key of its own. It is in no dataset and in no
/// entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RestrictionName([u8; 32]);

impl RestrictionName {
    /// The name that the control database gave back.
    pub(crate) fn stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For the control database.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for RestrictionName {
    /// Tells nothing: it names a subject.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RestrictionName")
    }
}

/// An operation on keys that could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No key for that dataset.
    #[error("there is no key for this dataset")]
    NoKey,
    /// Wrong key, wrong place or altered.
    #[error("a sealed value does not open")]
    Open,
    /// The cipher refused.
    #[error("sealing failed")]
    Seal,
    /// No handle of this recipient.
    #[error("not a handle given to this organisation under this agreement")]
    NotAHandle,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoEntropy,
}

impl Keyring {
    pub(super) fn new(
        roots: &[(DatasetId, u32, Zeroizing<[u8; 32]>)],
        handles: Zeroizing<[u8; 32]>,
        months: Zeroizing<[u8; 32]>,
        signer: LogSigner,
    ) -> Self {
        let datasets = roots
            .iter()
            .map(|(dataset, epoch, root)| {
                let context = [dataset.as_str().as_bytes(), &epoch.to_be_bytes()].concat();
                let keys = DatasetKeys {
                    epoch: *epoch,
                    pseudonyms: derive(root, b"disown.v1/pseudonym", &context),
                    cells: Cipher::new(&derive(root, b"disown.v1/cell", &context)),
                    index: derive(root, b"disown.v1/blind-index", &context),
                };
                (dataset.clone(), keys)
            })
            .collect();
        // Outlives every handle and every month, as long as the keyring does.
        let restrictions = derive(&handles, b"disown.v1/restriction", b"");
        let heads = derive(&months, b"disown.v1/head", b"");
        Self { datasets, handles, months: Cipher::new(&months), restrictions, heads, signer }
    }

    /// The key epoch that new rows of a dataset get.
    pub fn epoch(&self, dataset: &DatasetId) -> Result<u32, KeyringError> {
        Ok(self.keys(dataset)?.epoch)
    }

    /// The subjects' pseudonyms in one dataset.
    pub async fn pseudonymise(
        &self,
        dataset: &DatasetId,
        subjects: &[&SubjectIdentifier],
    ) -> Result<Vec<Pseudonym>, KeyringError> {
        let keys = self.keys(dataset)?;
        let pseudonym = |subject: &&SubjectIdentifier| {
            let sealed = siv(&keys.pseudonyms)
                .encrypt([dataset.as_str().as_bytes(), &keys.epoch.to_be_bytes()], subject.padded().as_slice())
                .map_err(|_| KeyringError::Seal)?;
            Pseudonym::stored(dataset, &sealed).ok_or(KeyringError::Seal)
        };
        subjects.iter().map(pseudonym).collect()
    }

    /// From pseudonyms of one dataset to handles towards a recipient.
    pub async fn translate(
        &self,
        dataset: &DatasetId,
        pseudonyms: &[Pseudonym],
        recipient: &Recipient,
    ) -> Result<Vec<Handle>, KeyringError> {
        let keys = self.keys(dataset)?;
        let mut handles = Vec::with_capacity(pseudonyms.len());
        for pseudonym in pseudonyms {
            let sealed = pseudonym.bytes_in(dataset).ok_or(KeyringError::NoKey)?;
            let padded = siv(&keys.pseudonyms)
                .decrypt([dataset.as_str().as_bytes(), &keys.epoch.to_be_bytes()], sealed)
                .map(Zeroizing::new)
                .map_err(|_| KeyringError::Open)?;
            let subject = SubjectIdentifier::from_padded(&padded).ok_or(KeyringError::Open)?;
            handles.push(self.handle(&subject, recipient).await?);
        }
        Ok(handles)
    }

    /// The subject's handle towards a recipient.
    pub async fn handle(&self, subject: &SubjectIdentifier, recipient: &Recipient) -> Result<Handle, KeyringError> {
        let sealed = siv(&self.handle_key(recipient))
            .encrypt([b"disown.v1/handle"], subject.padded().as_slice())
            .map_err(|_| KeyringError::Seal)?;
        Ok(Handle(BASE64.encode(sealed)))
    }

    /// Whom a handle names: only for the recipient it was given to.
    pub async fn open_handle(&self, raw: &str, recipient: &Recipient) -> Result<SubjectIdentifier, KeyringError> {
        let sealed = BASE64.decode(raw).map_err(|_| KeyringError::NotAHandle)?;
        let padded = siv(&self.handle_key(recipient))
            .decrypt([b"disown.v1/handle"], &sealed)
            .map(Zeroizing::new)
            .map_err(|_| KeyringError::NotAHandle)?;
        SubjectIdentifier::from_padded(&padded).ok_or(KeyringError::NotAHandle)
    }

    /// Seals a cell for its place.
    pub async fn seal(
        &self,
        place: CellPlace<'_>,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<CellSealed, KeyringError> {
        let keys = self.keys(place.dataset)?;
        cell::seal(&keys.cells, keys.epoch, place, plain, entropy)
    }

    /// Opens a cell in its place.
    pub async fn unseal(&self, place: CellPlace<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let keys = self.keys(place.dataset)?;
        cell::unseal(&keys.cells, keys.epoch, place, sealed)
    }

    /// What a store keeps in order to find equal values of a sealed column, without learning them.
    pub async fn blind_index(&self, dataset: &DatasetId, column: &str, plain: &[u8]) -> Result<[u8; 32], KeyringError> {
        let keys = self.keys(dataset)?;
        Ok(hmac(
            &keys.index,
            &[&[u8::try_from(column.len()).map_err(|_| KeyringError::Seal)?], column.as_bytes(), plain],
        ))
    }

    /// A new key for the tags of a month, sealed for keeping.
    pub async fn new_month_key(&self, month: &str, entropy: &dyn Entropy) -> Result<Vec<u8>, KeyringError> {
        let key = Zeroizing::new(entropy.bytes::<32>().map_err(|NoEntropy| KeyringError::NoEntropy)?);
        cell::seal(&self.months, 1, month_place(month)?.place(), key.as_slice(), entropy)
    }

    /// Opens the key of a month.
    pub async fn open_month_key(&self, month: &str, sealed: &[u8]) -> Result<MonthKey, KeyringError> {
        let key = cell::unseal(&self.months, 1, month_place(month)?.place(), sealed)?;
        Ok(MonthKey(Zeroizing::new(key.as_slice().try_into().map_err(|_| KeyringError::Open)?)))
    }

    /// The subject's tag in the access log for the month of the key.
    pub async fn tag(&self, month: &MonthKey, subject: &SubjectIdentifier) -> SubjectTag {
        SubjectTag(hex::encode(&hmac(&month.0, &[subject.padded().as_slice()])[..16]))
    }

    /// The subject's name among those whose data may not be used.
    pub async fn restriction_name(&self, subject: &SubjectIdentifier) -> RestrictionName {
        RestrictionName(hmac(&self.restrictions, &[subject.padded().as_slice()]))
    }

    /// The subject's name in warrants.
    pub async fn warrant_name(&self, subject: &SubjectIdentifier) -> String {
        hex::encode(hmac(&self.restrictions, &[b"disown.v1/warrant", subject.padded().as_slice()]))
    }

    /// The subject's name among those that are watched.
    pub async fn watch_name(&self, subject: &SubjectIdentifier) -> String {
        hex::encode(hmac(&self.restrictions, &[b"disown.v1/watch", subject.padded().as_slice()]))
    }

    /// The subject's name where somebody broke glass for it.
    pub async fn break_glass_name(&self, subject: &SubjectIdentifier) -> String {
        hex::encode(hmac(&self.restrictions, &[b"disown.v1/break_glass", subject.padded().as_slice()]))
    }

    /// The seal of an epoch of control, over the seal of the one before and what it opened: that brokers with this keyring recorded it and
    /// all before it.
    pub async fn seal_epoch(&self, before: &[u8; 32], opened: &str) -> [u8; 32] {
        hmac(&self.heads, &[b"disown.v1/epoch", before, opened.as_bytes()])
    }

    /// The seal of a head: that a broker with this keyring appended it, while that epoch was the last. Signing comes later, when it has been
    /// read back.
    pub async fn seal_head(&self, predecessor: u64, size: u64, root: &Hash, epoch: (u64, &[u8; 32])) -> [u8; 32] {
        let [predecessor, size, number] = [predecessor, size, epoch.0].map(u64::to_be_bytes);
        hmac(&self.heads, &[b"disown.v1/head", &predecessor, &size, root.as_bytes(), &number, epoch.1])
    }

    /// What a store of this deployment is known by: no other deployment's, and none of this one's under another name, has the same.
    pub async fn store_identity(&self, store: &str) -> StoreIdentity {
        hmac(&self.heads, &[b"disown.v1/store", store.as_bytes()]).into()
    }

    /// Signs a tree head.
    pub async fn sign(&self, size: u64, root: &Hash) -> Checkpoint {
        self.signer.sign(size, root)
    }

    /// The public key that checkpoints are verified with.
    pub fn log_key(&self) -> LogKey {
        self.signer.key()
    }

    fn keys(&self, dataset: &DatasetId) -> Result<&DatasetKeys, KeyringError> {
        self.datasets.get(dataset).ok_or(KeyringError::NoKey)
    }

    fn handle_key(&self, recipient: &Recipient) -> Zeroizing<[u8; 64]> {
        // A name never holds a zero byte, so two recipients cannot read the same.
        let context = [recipient.organisation.as_str().as_bytes(), b"\0", recipient.agreement.as_str().as_bytes()];
        derive(&self.handles, b"disown.v1/handle", &context.concat())
    }
}

/// Month keys are sealed like cells, bound to their month.
struct MonthPlace(DatasetId, String);

impl MonthPlace {
    fn place(&self) -> CellPlace<'_> {
        CellPlace { dataset: &self.0, record_type: "month", column: &self.1, record_id: &[0; 16] }
    }
}

fn month_place(month: &str) -> Result<MonthPlace, KeyringError> {
    Ok(MonthPlace(DatasetId::try_from("control").map_err(|_| KeyringError::NoKey)?, month.to_owned()))
}

fn derive<const N: usize>(root: &[u8; 32], label: &[u8], context: &[u8]) -> Zeroizing<[u8; N]> {
    let mut key = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(Some(label), root)
        .expand(context, key.as_mut_slice())
        .expect("HKDF-SHA-256 gives up to 8,160 bytes, and no key is longer than 64");
    key
}

fn siv(key: &[u8; 64]) -> Aes256Siv {
    Aes256Siv::new(key.into())
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
