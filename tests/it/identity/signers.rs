//! Issuers' keys, one for each algorithm, and what they sign.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::{
    entropy::SystemEntropy,
    identity::{Algorithm, DevelopmentIssuer},
};
use ed25519_dalek::{SigningKey, pkcs8::DecodePrivateKey};
use jsonwebtoken::{EncodingKey, crypto, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

pub(super) const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];

/// A private key and its name.
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    kid: String,
    key: EncodingKey,
    public: Value,
}

impl Signer {
    /// The same one for every test: an RSA key takes its time.
    pub(super) fn of(algorithm: Algorithm) -> Arc<Self> {
        static SIGNERS: LazyLock<[Arc<Signer>; 3]> =
            LazyLock::new(|| ALGORITHMS.map(|algorithm| Arc::new(Signer::new(algorithm, "key-1"))));
        let known = SIGNERS.iter().find(|signer| signer.algorithm == algorithm);
        known.unwrap().clone()
    }

    /// A new key.
    pub(super) fn new(algorithm: Algorithm, kid: &str) -> Self {
        match algorithm {
            Algorithm::EdDsa => Self::ed25519(&DevelopmentIssuer::new(&SystemEntropy).unwrap().to_pem().unwrap(), kid),
            Algorithm::Es256 => {
                let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
                Self::with(algorithm, kid, EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap())
            }
            Algorithm::Rs256 => Self::rsa(RsaKeySize::_2048, kid),
        }
    }

    pub(super) fn rsa(size: RsaKeySize, kid: &str) -> Self {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).unwrap();
        Self::with(Algorithm::Rs256, kid, EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap())
    }

    /// From a PEM file.
    pub(super) fn ed25519(pem: &str, kid: &str) -> Self {
        let public = SigningKey::from_pkcs8_pem(pem).unwrap().verifying_key();
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(public.as_bytes()) });
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
        Self { algorithm: Algorithm::EdDsa, kid: kid.to_owned(), key, public }
    }

    fn with(algorithm: Algorithm, kid: &str, key: EncodingKey) -> Self {
        let public = Jwk::from_encoding_key(&key, jose(algorithm)).unwrap();
        let mut public = serde_json::to_value(public).unwrap();
        public.as_object_mut().unwrap().remove("alg");
        Self { algorithm, kid: kid.to_owned(), key, public }
    }

    pub(super) fn header(&self) -> Value {
        json!({ "alg": self.algorithm.as_str(), "typ": "at+jwt", "kid": self.kid })
    }

    /// What its issuer publishes.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = self.public.clone();
        jwk["kid"] = self.kid.as_str().into();
        jwk["alg"] = self.algorithm.as_str().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// Without name and algorithm: the bare key, which everybody can know.
    pub(super) fn bare(&self) -> Value {
        self.public.clone()
    }

    /// A signature, as it stands in a token.
    pub(super) fn sign(&self, message: &str) -> String {
        crypto::sign(message.as_bytes(), &self.key, jose(self.algorithm)).unwrap()
    }

    /// A token of texts that need not even be JSON.
    pub(super) fn signed(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = self.sign(&message);
        format!("{message}.{signature}")
    }
}

fn jose(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
    }
}

/// A JWKS of these keys.
pub(super) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}
