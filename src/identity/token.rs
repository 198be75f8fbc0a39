//! Bearer tokens: JWT (RFC 7519) as RFC 9068 access tokens, strict as RFC 8725 asks.
//!
//! One issuer, one audience, one algorithm (EdDSA), keys by `kid` from a JWKS file and from nowhere else. What a token says about
//! how it wants to be verified is not listened to: a header with anything but `alg`, `typ` and `kid` is refused.

use super::Caller;
use crate::{
    clock::Clock,
    dataset::Catalogue,
    ids::{CallerId, OrganisationId},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{JwkSet, KeyAlgorithm},
};
use serde::Deserialize;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Verifies tokens.
#[expect(missing_debug_implementations, reason = "holds the clock and keys")]
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: HashMap<String, DecodingKey>,
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
}

/// Not let in. Why is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not authenticated")]
pub struct Unauthenticated;

/// A key set that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeySet {
    /// Not a JWKS.
    #[error("the key set is not a JWKS (RFC 7517): {0}")]
    Form(#[from] serde_json::Error),
    /// A key that is none of ours.
    #[error("key {0} of the key set: an Ed25519 key with a `kid` of its own and `alg` EdDSA is needed")]
    Key(usize),
    /// No key at all.
    #[error("the key set is empty: nobody could be authenticated")]
    Empty,
}

/// A longer token is not looked at.
const LONGEST: usize = 8 * 1024;
/// So long may a token live, in seconds.
const LONGEST_LIFE: i64 = 600;
/// So far may clocks be apart, in seconds.
const LEEWAY: i64 = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// Each has one type: a number in quotes or an array of audiences is no token of ours. Named twice is refused.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: CallerId,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    organisation: OrganisationId,
    roles: Vec<String>,
}

impl Verifier {
    /// A verifier of tokens of one issuer for one audience, with the keys of a JWKS.
    pub fn new(
        issuer: &str,
        audience: &str,
        jwks: &str,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidKeySet> {
        let set: JwkSet = serde_json::from_str(jwks)?;
        let mut keys = HashMap::new();
        for (at, jwk) in set.keys.iter().enumerate() {
            let usable = jwk.common.key_algorithm == Some(KeyAlgorithm::EdDSA);
            let kid = jwk.common.key_id.clone().filter(|_| usable).ok_or(InvalidKeySet::Key(at))?;
            let key = DecodingKey::from_jwk(jwk).map_err(|_| InvalidKeySet::Key(at))?;
            if keys.insert(kid, key).is_some() {
                return Err(InvalidKeySet::Key(at));
            }
        }
        if keys.is_empty() {
            return Err(InvalidKeySet::Empty);
        }
        Ok(Self { issuer: issuer.to_owned(), audience: audience.to_owned(), keys, catalogue, clock })
    }

    /// Who holds this token, if it is good now.
    pub fn verify(&self, token: &str) -> Result<Caller, Unauthenticated> {
        let claims = self.claims(token).ok_or(Unauthenticated)?;
        let now = self.clock.now().as_second();
        let lives = claims.exp.checked_sub(claims.iat).is_some_and(|life| (1..=LONGEST_LIFE).contains(&life));
        let good_now = claims.nbf <= now.saturating_add(LEEWAY)
            && claims.iat <= now.saturating_add(LEEWAY)
            && now < claims.exp.saturating_add(LEEWAY);
        let ours = claims.iss == self.issuer && claims.aud == self.audience && !claims.jti.is_empty();
        let distinct = claims.roles.iter().collect::<HashSet<_>>().len() == claims.roles.len();
        // Both names go into the access log: one that could be a subject identifier must not get there.
        let named = [claims.sub.as_str(), claims.organisation.as_str()];
        let named = named.iter().any(|name| self.catalogue.holds_identifier(name));
        if lives && good_now && ours && distinct && !named {
            Ok(Caller { id: claims.sub, organisation: claims.organisation, roles: claims.roles })
        } else {
            Err(Unauthenticated)
        }
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let header: Header = serde_json::from_slice(&BASE64.decode(token.split('.').next()?).ok()?).ok()?;
        if header.alg != "EdDSA" || header.typ != "at+jwt" {
            return None;
        }
        let key = self.keys.get(&header.kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Times, issuer and audience are checked above, against our own clock and with one type each.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims = HashSet::new();
        jsonwebtoken::decode(token, key, &validation).ok().map(|token| token.claims)
    }
}
