//! What an approver signs with.

use super::act::{Act, Deed, Matter};
use crate::{
    entropy::{Entropy, NoEntropy},
    ids::ApproverId,
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding},
};
use zeroize::Zeroizing;

/// An Ed25519 private key. It is wiped from memory when dropped.
#[expect(missing_debug_implementations, reason = "a key")]
pub struct ApproverKey(SigningKey);

impl ApproverKey {
    /// A new one.
    pub fn new(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        Ok(Self(SigningKey::from_bytes(&Zeroizing::new(entropy.bytes()?))))
    }

    /// From its file: PKCS#8 in PEM form (RFC 5958, RFC 8410).
    pub fn from_pem(pem: &str) -> Option<Self> {
        SigningKey::from_pkcs8_pem(pem).ok().map(Self)
    }

    /// Its file.
    pub fn to_pem(&self) -> Option<Zeroizing<String>> {
        self.0.to_pkcs8_pem(LineEnding::LF).ok()
    }

    /// The public key, as it stands in `approvers.toml`.
    pub fn public(&self) -> String {
        BASE64.encode(self.0.verifying_key().to_bytes())
    }

    /// Signs an act for the access log of that name.
    pub fn sign(
        &self,
        log: &str,
        (matter, number): (Matter, u64),
        deed: Deed,
        approver: ApproverId,
        reason: String,
    ) -> Act {
        Act::sign(log, (matter, number), deed, (approver, &self.0), reason)
    }
}
