//! The name of a client certificate: what a token is bound to (RFC 8705).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use sha2::{Digest, Sha256};
use std::fmt;

/// SHA-256 of a certificate's DER form, `x5t#S256` of RFC 8705 section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Of a certificate in DER form.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// Of the first certificate of a PEM text; none: there is none in it.
    pub fn of_pem(pem: &[u8]) -> Option<Self> {
        CertificateDer::from_pem_slice(pem).ok().map(|certificate| Self::of(&certificate))
    }

    /// As it stands in a token: base64url without padding. None: it is no SHA-256 in that form.
    pub fn parse(text: &str) -> Option<Self> {
        BASE64.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}
