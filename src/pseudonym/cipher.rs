//! Authenticated encryption that a repeated nonce does not break: AES-256-GCM-SIV (RFC 8452).

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

pub(crate) const NONCE: usize = 12;
const TAG: usize = 16;

/// The cipher of one key.
pub(crate) struct Cipher(LessSafeKey);

/// Another key, another place, or altered; in sealing, more than the cipher takes.
#[derive(Debug)]
pub(crate) struct Refused;

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).expect("the algorithm's key has 32 bytes")))
    }

    /// The ciphertext with its tag.
    pub(crate) fn seal(&self, nonce: [u8; NONCE], associated: &[u8], plain: &[u8]) -> Result<Vec<u8>, Refused> {
        // With room for the tag: growing would leave what is not sealed yet in memory that is given back.
        let mut sealed = Vec::with_capacity(plain.len() + TAG);
        sealed.extend_from_slice(plain);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut sealed)
            .map_err(|_| Refused)?;
        Ok(sealed)
    }

    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let mut plain = Zeroizing::new(sealed.to_vec());
        let length = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut plain)
            .map_err(|_| Refused)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes_gcm_siv::{
        Aes256GcmSiv,
        aead::{Aead, KeyInit, Payload},
    };
    use proptest::prelude::*;

    proptest! {
        /// What an independent implementation seals this one opens, and the other way round.
        #[test]
        fn is_the_same_cipher_as_another_implementations(
            key: [u8; 32], nonce: [u8; NONCE], associated: Vec<u8>, plain: Vec<u8>
        ) {
            let (ours, theirs) = (Cipher::new(&key), Aes256GcmSiv::new(&key.into()));
            let sealed = ours.seal(nonce, &associated, &plain).unwrap();
            let known = theirs.encrypt(&nonce.into(), Payload { msg: &plain, aad: &associated }).unwrap();
            prop_assert_eq!(&sealed, &known);
            let opened = ours.open(nonce, &associated, &known).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
        }

        /// One bit of anything else, and it does not open.
        #[test]
        fn opens_nothing_that_was_altered(
            key: [u8; 32], nonce: [u8; NONCE], associated: [u8; 20], plain: Vec<u8>, at: prop::sample::Index, bit in 0..8_u32
        ) {
            let cipher = Cipher::new(&key);
            let sealed = cipher.seal(nonce, &associated, &plain).unwrap();
            let mut all = [&nonce[..], &associated, &sealed].concat();
            let at = at.index(all.len());
            all[at] ^= 1_u8 << bit;
            let (nonce, rest) = all.split_first_chunk().unwrap();
            let (associated, sealed) = rest.split_at(associated.len());
            prop_assert!(cipher.open(*nonce, associated, sealed).is_err());
        }
    }
}
