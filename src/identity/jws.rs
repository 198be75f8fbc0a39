//! Signed messages: JWS in its compact form (RFC 7515), under a key that is pinned before the message is believed.

use super::{json, key::PublicKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// A longer message is not looked at.
const LONGEST: usize = 8 * 1024;

/// All that a header may say. Everything else that it could say would tell how to verify it (`jwk`, `jku`, `x5c`, `x5u`), that
/// something else is signed (`b64`, `crit`), or that the payload is something else than it seems (`zip`, `cty`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    alg: String,
    /// What kind of message it is.
    pub typ: Option<String>,
    /// Which key it names.
    pub kid: Option<String>,
}

/// The payload, if the message is signed by the key that it is to be signed by. That key is found from header and payload, of
/// which nothing is to be believed at that time.
///
/// Base64url has one spelling: padding, blanks and bits that do not count are refused. An ES256 signature is `r` and `s` in 32
/// bytes each. That `s` may be replaced by `n - s` is left so: signers make either, so that half of all good messages would be
/// lost, and nothing here takes a message for another one because its signature is spelt differently.
pub fn open(message: &str, key: impl FnOnce(&Header, &[u8]) -> Option<Arc<PublicKey>>) -> Option<Vec<u8>> {
    if message.len() > LONGEST {
        return None;
    }
    let (signed, signature) = message.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    // A dot that is left over is in the payload, and no base64url.
    let header = json::object(&BASE64.decode(header).ok()?).ok()?;
    let header: Header = serde_json::from_value(Value::Object(header)).ok()?;
    let payload = BASE64.decode(payload).ok()?;
    let key = key(&header, &payload)?;
    (header.alg == key.algorithm().as_str() && key.verifies(signature, signed.as_bytes())).then_some(payload)
}
