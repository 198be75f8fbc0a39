//! A token issuer for development, demonstration and tests.
//!
//! It cannot be switched on by accident. Its issuer name is reserved, and a broker trusts that name only where three things come
//! together: the configuration names it, `serve` is told `--development`, and the broker listens on a loopback address.

use super::Thumbprint;
use crate::{
    clock::Clock,
    entropy::{Entropy, NoEntropy},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{SigningKey, pkcs8::DecodePrivateKey, pkcs8::EncodePrivateKey, pkcs8::spki::der::pem::LineEnding};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

/// The reserved issuer name.
pub const DEVELOPMENT_ISSUER: &str = "urn:disown:development";

/// Makes tokens for anybody.
#[expect(missing_debug_implementations, reason = "holds a key")]
pub struct DevelopmentIssuer {
    key: SigningKey,
    certificate: Option<Thumbprint>,
}

/// The key of the development issuer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the development issuer's key is not an Ed25519 private key in PKCS#8 PEM form")]
pub struct InvalidIssuerKey;

impl DevelopmentIssuer {
    /// A new one.
    pub fn new(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        Ok(Self { key: SigningKey::from_bytes(&entropy.bytes()?), certificate: None })
    }

    /// From its key file.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidIssuerKey> {
        Ok(Self { key: SigningKey::from_pkcs8_pem(pem).map_err(|_| InvalidIssuerKey)?, certificate: None })
    }

    /// An issuer whose tokens are bound to a client certificate (RFC 8705).
    pub fn bound_to(self, certificate: Thumbprint) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// Its key file.
    pub fn to_pem(&self) -> Result<String, InvalidIssuerKey> {
        self.key.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.as_str().to_owned()).map_err(|_| InvalidIssuerKey)
    }

    /// The key set that verifies its tokens.
    pub fn jwks(&self) -> String {
        let x = BASE64.encode(self.key.verifying_key().as_bytes());
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "development", "x": x });
        format!("{:#}\n", json!({ "keys": [key] }))
    }

    /// A token good for ten minutes.
    pub fn token(
        &self,
        caller: &str,
        organisation: &str,
        roles: &[&str],
        audience: &str,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<String, InvalidIssuerKey> {
        let now = clock.now().as_second();
        let mut claims = json!({
            "iss": DEVELOPMENT_ISSUER, "aud": audience, "sub": caller, "organisation": organisation, "roles": roles,
            "iat": now, "nbf": now, "exp": now + 600, "jti": hex::encode(entropy.bytes::<16>().map_err(|_| InvalidIssuerKey)?),
        });
        if let Some(certificate) = &self.certificate {
            claims["cnf"] = json!({ "x5t#S256": certificate.to_string() });
        }
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some("development".to_owned());
        let pem = self.to_pem()?;
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| InvalidIssuerKey)?;
        jsonwebtoken::encode(&header, &claims, &key).map_err(|_| InvalidIssuerKey)
    }
}
