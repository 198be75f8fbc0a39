//! A public key of an issuer: checked once, when its set is loaded, and pinned to one algorithm.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::VerifyingKey;
use jsonwebtoken::DecodingKey;
use rustls::crypto::aws_lc_rs::kx_group::SECP256R1;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What an issuer signs with. An issuer has one, and so has each of its keys: what a token asks for is compared with it, never
/// followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA with P-256 and SHA-256 (RFC 7518).
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518).
    #[serde(rename = "RS256")]
    Rs256,
}

/// A key that verifies signatures of one algorithm.
#[expect(missing_debug_implementations, reason = "there is nothing in it to be read")]
pub struct PublicKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

/// A key that is not used, and why. The key itself is not told: it may be a private one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not a JWK.
    #[error("is no JWK (RFC 7517)")]
    Form,
    /// Not to be published.
    #[error("is a private or symmetric key, which has no place in a published set")]
    Private,
    /// No name of its own.
    #[error("needs a `kid` that no other key of the set has")]
    Kid,
    /// Of another algorithm than its issuer.
    #[error("is for another algorithm: its `alg` must be the issuer's, `{}`", .0.as_str())]
    Algorithm(Algorithm),
    /// For something else than signatures.
    #[error("is not for verifying: `use` is `sig` and `key_ops` is [\"verify\"] where they are given")]
    Use,
    /// Not a point of its curve, or one that anybody can sign for.
    #[error("is not a public key of its curve")]
    Curve,
    /// Weak.
    #[error(
        "is not an RSA key of 2048 to 8192 bits with the exponent 65537, or comes from a generator known to be broken"
    )]
    Rsa,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// Members of private and symmetric keys (RFC 7518 section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl Algorithm {
    /// As `alg` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
        }
    }
}

impl PublicKey {
    /// A key and its `kid`, out of a JWK. Members that say nothing about how it may be used (`x5c`, `x5t`) are not looked at.
    pub(super) fn from_jwk(jwk: Map<String, Value>, algorithm: Algorithm) -> Result<(String, Self), InvalidKey> {
        if PRIVATE.iter().any(|member| jwk.contains_key(*member)) || jwk.get("kty").is_some_and(|kty| kty == "oct") {
            return Err(InvalidKey::Private);
        }
        let jwk: Jwk = serde_json::from_value(Value::Object(jwk)).map_err(|_| InvalidKey::Form)?;
        if jwk.alg.as_deref() != Some(algorithm.as_str()) {
            return Err(InvalidKey::Algorithm(algorithm));
        }
        if jwk.usage.as_ref().is_some_and(|usage| usage != "sig")
            || jwk.key_ops.as_ref().is_some_and(|operations| *operations != ["verify"])
        {
            return Err(InvalidKey::Use);
        }
        let key = match algorithm {
            Algorithm::EdDsa => ed25519(&jwk),
            Algorithm::Es256 => p256(&jwk),
            Algorithm::Rs256 => rsa(&jwk),
        }?;
        let kid = jwk.kid.filter(|kid| !kid.is_empty()).ok_or(InvalidKey::Kid)?;
        Ok((kid, Self { algorithm, key }))
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether its private half made this signature, given as it stands in a JWS: in base64url.
    pub fn verifies(&self, signature: &str, message: &[u8]) -> bool {
        let algorithm = match self.algorithm {
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        };
        jsonwebtoken::crypto::verify(signature, message, &self.key, algorithm).unwrap_or(false)
    }
}

fn ed25519(jwk: &Jwk) -> Result<DecodingKey, InvalidKey> {
    let point = if of_type(jwk, "OKP", Some("Ed25519")) { coordinate(jwk.x.as_ref()) } else { None };
    let point = point.ok_or(InvalidKey::Curve)?;
    // For a point of small order anybody can sign.
    match VerifyingKey::from_bytes(&point) {
        Ok(key) if !key.is_weak() => Ok(DecodingKey::from_ed_der(&point)),
        _ => Err(InvalidKey::Curve),
    }
}

fn p256(jwk: &Jwk) -> Result<DecodingKey, InvalidKey> {
    let known = of_type(jwk, "EC", Some("P-256"));
    let (Some(x), Some(y), true) = (coordinate(jwk.x.as_ref()), coordinate(jwk.y.as_ref()), known) else {
        return Err(InvalidKey::Curve);
    };
    let point = [&[4][..], &x, &y].concat();
    // A key agreement is refused with what is no point of the curve.
    SECP256R1.start_and_complete(&point).map_err(|_| InvalidKey::Curve)?;
    Ok(DecodingKey::from_ec_der(&point))
}

fn rsa(jwk: &Jwk) -> Result<DecodingKey, InvalidKey> {
    let decoded = |member: &Option<String>| member.as_ref().and_then(|text| BASE64.decode(text).ok());
    let (Some(n), Some(e), true) = (decoded(&jwk.n), decoded(&jwk.e), of_type(jwk, "RSA", None)) else {
        return Err(InvalidKey::Rsa);
    };
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    let canonical = n.first().is_some_and(|first| *first != 0) && n.last().is_some_and(|last| last % 2 == 1);
    if !canonical || !(2048..=8192).contains(&bits) || e != [1, 0, 1] || is_roca(&n) {
        return Err(InvalidKey::Rsa);
    }
    Ok(DecodingKey::from_rsa_raw_components(&n, &e))
}

fn of_type(jwk: &Jwk, kty: &str, curve: Option<&str>) -> bool {
    jwk.kty == kty && jwk.crv.as_deref() == curve
}

/// 32 bytes, neither more nor fewer.
fn coordinate(text: Option<&String>) -> Option<[u8; 32]> {
    BASE64.decode(text?).ok()?.try_into().ok()
}

/// CVE-2017-15361: a modulus out of Infineon's generator is a power of 65537 modulo each of these primes, and can be factored.
/// Any other is so by chance once in 2^27 times.
fn is_roca(n: &[u8]) -> bool {
    const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|prime| {
        let rest = n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut powers = (0..*prime).scan(1, |power, _| {
            *power = *power * (65_537 % prime) % prime;
            Some(*power)
        });
        powers.any(|power| power == rest)
    })
}
