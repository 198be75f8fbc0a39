//! The keys of an issuer by their `kid`: a JWKS (RFC 7517), taken whole or not at all.

use super::{
    json,
    key::{Algorithm, InvalidKey, PublicKey},
};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// The keys of one issuer, all of its one algorithm.
#[expect(missing_debug_implementations, reason = "there is nothing in it to be read")]
pub struct KeySet(HashMap<String, Arc<PublicKey>>);

/// A key set that is not used, and why.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeySet {
    /// Not a JWKS.
    #[error("the key set is not a JWKS (RFC 7517): {0}")]
    Form(#[from] serde_json::Error),
    /// No array of keys.
    #[error("the key set is not a JWKS (RFC 7517): it has no array `keys` of objects")]
    Keys,
    /// One of its keys.
    #[error("key {0} of the key set {1}")]
    Key(usize, InvalidKey),
    /// No key at all.
    #[error("the key set is empty: nobody could be authenticated")]
    Empty,
}

impl KeySet {
    /// Reads a JWKS of an issuer with that algorithm. One key that must not be there spoils the set: whoever publishes a private
    /// key, or one that cannot be told from another, is not to be believed about the rest.
    pub fn parse(jwks: &[u8], algorithm: Algorithm) -> Result<Self, InvalidKeySet> {
        let Some(Value::Array(jwks)) = json::object(jwks)?.remove("keys") else {
            return Err(InvalidKeySet::Keys);
        };
        let mut keys = HashMap::new();
        for (at, jwk) in jwks.into_iter().enumerate() {
            let Value::Object(jwk) = jwk else { return Err(InvalidKeySet::Keys) };
            let (kid, key) = PublicKey::from_jwk(jwk, algorithm).map_err(|why| InvalidKeySet::Key(at, why))?;
            if keys.insert(kid, Arc::new(key)).is_some() {
                return Err(InvalidKeySet::Key(at, InvalidKey::Kid));
            }
        }
        if keys.is_empty() { Err(InvalidKeySet::Empty) } else { Ok(Self(keys)) }
    }

    /// The key of that name.
    pub fn key(&self, kid: &str) -> Option<Arc<PublicKey>> {
        self.0.get(kid).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
