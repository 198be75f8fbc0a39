//! Certificate revocation lists: who was let in once and is not any more.

use super::tls::TlsError;
use ed25519_dalek::pkcs8::spki::der::{
    self, Decode, Header, SliceReader, Tag,
    asn1::{AnyRef, GeneralizedTime, UtcTime},
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime, pem::PemObject},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use std::{path::Path, sync::Arc, time::Duration};

/// The lists of a file, PEM or DER, of which there must be one.
pub(super) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    // A DER list begins with the tag of a sequence, which no text does.
    let lists = match bytes.first() {
        Some(0x30) => Ok(vec![bytes.into()]),
        _ => CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>(),
    };
    match lists {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        _ => Err(TlsError::RevocationList(path.to_owned())),
    }
}

/// When a list was issued: `thisUpdate` of RFC 5280, section 5.1.
pub(super) fn issued(list: &CertificateRevocationListDer<'_>) -> der::Result<Duration> {
    let mut reader = SliceReader::new(list)?;
    let _certificate_list = Header::decode(&mut reader)?;
    let _to_be_signed = Header::decode(&mut reader)?;
    if Tag::peek(&reader)? == Tag::Integer {
        let _version = AnyRef::decode(&mut reader)?;
    }
    let _algorithm = AnyRef::decode(&mut reader)?;
    let _issuer = AnyRef::decode(&mut reader)?;
    match Tag::peek(&reader)? {
        Tag::UtcTime => Ok(UtcTime::decode(&mut reader)?.to_unix_duration()),
        _ => Ok(GeneralizedTime::decode(&mut reader)?.to_unix_duration()),
    }
}

/// Verifies client certificates as webpki does, until its lists are too old: then there is no telling who is revoked.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) webpki: Arc<dyn ClientCertVerifier>,
    pub(super) too_old_from: UnixTime,
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if now >= self.too_old_from {
            return Err(CertificateError::ExpiredRevocationList.into());
        }
        self.webpki.verify_client_cert(certificate, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
