//! Tokens whose signature was verified a moment ago. A caller sends the same one with every request, and the signature is what costs.
//! Nothing else is remembered: whether a token is good now, for this broker and on this connection, is looked at each time.

use super::{claims::Claims, key::PublicKey};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// By their hash: a memory that is read holds no token.
#[derive(Default)]
pub(super) struct KnownTokens(Mutex<HashMap<[u8; 32], Known>>);

/// What was verified of one.
#[derive(Clone)]
pub(super) struct Known {
    /// Position of its issuer.
    pub(super) issuer: usize,
    /// The name of the key, and the key that it was verified with: another one under the same name verifies anew.
    pub(super) kid: String,
    pub(super) key: Arc<PublicKey>,
    pub(super) claims: Arc<Claims>,
}

/// So many are remembered. With one more those that have expired are forgotten, and all of them where none has.
const MOST: usize = 10_000;

impl KnownTokens {
    /// The name under which a token is known.
    pub(super) fn name(token: &str) -> [u8; 32] {
        Sha256::digest(token).into()
    }

    pub(super) fn get(&self, name: &[u8; 32]) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Remembers a token; `now` in seconds.
    pub(super) fn insert(&self, name: [u8; 32], known: Known, now: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, known| known.claims.registered.exp > now);
            if all.len() >= MOST {
                all.clear();
            }
        }
        all.insert(name, known);
    }
}
