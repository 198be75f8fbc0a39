//! Authorities, the certificates and revocation lists they sign, and brokers that let their clients in.

use crate::harness::*;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What the broker's certificate is for.
pub const SERVER: &str = "localhost";

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A client's certificate, with the chain below its authority.
pub struct Client {
    pub chain: Vec<CertificateDer<'static>>,
    pub pem: String,
    pub key: KeyPair,
    serial: u64,
}

fn serial() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(1);
    LAST.fetch_add(1, Ordering::Relaxed)
}

fn params(name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

fn authority(name: &str, serial: u64) -> CertificateParams {
    let mut params = params(name, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(authority(name, serial()), KeyPair::generate().unwrap()).unwrap())
    }

    /// One below this one, and what this one would call it in a revocation list.
    pub fn below(&self, name: &str) -> (Self, u64) {
        let serial = serial();
        let below = CertifiedIssuer::signed_by(authority(name, serial), KeyPair::generate().unwrap(), &self.0);
        (Self(below.unwrap()), serial)
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client as it should be.
    pub fn client(&self, name: &str) -> Client {
        self.client_but(name, |_| {})
    }

    /// A client with something else about its certificate.
    pub fn client_but(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Client {
        let serial = serial();
        let mut params = params(name, serial);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let chain = vec![certificate.der().clone(), self.0.der().clone()];
        Client { chain, pem: certificate.pem(), key, serial }
    }

    /// The list of this authority, issued that many hours ago and good for so many.
    pub fn list(&self, now: Timestamp, (issued, good_for): (u64, u64), revoked: &[u64]) -> String {
        let at = |seconds: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let issued = u64::try_from(now.as_second()).unwrap() - 3600 * issued;
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: at(issued),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: at(issued),
            next_update: at(issued + 3600 * good_for),
            crl_number: SerialNumber::from(serial()),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

impl Client {
    pub fn serial(&self) -> u64 {
        self.serial
    }
}

/// How a client speaks TLS to the broker of this deployment: as ours do, with this certificate.
pub fn tls(deployment: &Deployment, client: Option<&Client>) -> ClientConfig {
    tls_of(deployment, client, &[&rustls::version::TLS13])
}

/// The same in these versions.
pub fn tls_of(
    deployment: &Deployment,
    client: Option<&Client>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(pem(&fs::read_to_string(deployment.path("chain.pem")).unwrap())).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        Some(Client { chain, key, .. }) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_client_auth_cert(chain.clone(), key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

fn pem(text: &str) -> CertificateDer<'static> {
    rustls::pki_types::pem::PemObject::from_pem_slice(text.as_bytes()).unwrap()
}

impl Deployment {
    /// With a certificate, and nothing asked of clients.
    pub fn with_tls(self) -> Self {
        self.certify();
        self.edit("disown.toml", "plaintext = true", "tls = { certificate = \"chain.pem\", key = \"key.pem\" }");
        self
    }

    /// With mutual TLS: clients of this authority, and its list of nobody.
    pub fn with_clients_of(self, authority: &Authority) -> Self {
        self.certify();
        fs::write(self.path("clients-ca.pem"), authority.pem()).unwrap();
        self.revoke(authority, &[]);
        let clients = "clients = { authorities = \"clients-ca.pem\", revocations = [\"clients.crl\"] }";
        let tls = format!("tls = {{ certificate = \"chain.pem\", key = \"key.pem\", {clients} }}");
        self.edit("disown.toml", "plaintext = true", &tls);
        self
    }

    fn certify(&self) {
        let made = rcgen::generate_simple_self_signed([SERVER.to_owned()]).unwrap();
        fs::write(self.path("chain.pem"), made.cert.pem()).unwrap();
        fs::write(self.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    }

    /// A new list, issued just now.
    pub fn revoke(&self, authority: &Authority, revoked: &[u64]) {
        fs::write(self.path("clients.crl"), authority.list(self.now(), (0, 24), revoked)).unwrap();
    }

    pub fn now(&self) -> Timestamp {
        disown::clock::Clock::now(&*self.clock)
    }
}
