//! TLS 1.3, mutual where clients have certificates: read from files, and read again while serving.

use super::revocations::{self, ClientVerifier};
use crate::{
    clock::Clock,
    config::{ClientFiles, TlsFiles},
};
use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    time_provider::TimeProvider,
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// The protocol of every connection, as ALPN calls it.
pub(super) const HTTP_2: &[u8] = b"h2";

/// What the broker shows of itself, and whom it lets in.
#[expect(missing_debug_implementations, reason = "holds a key")]
pub struct Tls {
    files: TlsFiles,
    time: Arc<Time>,
    current: ArcSwap<Material>,
}

/// Certificates, keys or revocation lists that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No certificate in it, or something else.
    #[error("{0}: certificates in PEM form are needed")]
    Certificate(PathBuf),
    /// No key in it.
    #[error("{0}: a private key in PEM form is needed")]
    Key(PathBuf),
    /// No revocation list in it.
    #[error("{0}: a certificate revocation list (RFC 5280) in PEM or DER form is needed")]
    RevocationList(PathBuf),
    /// They do not fit each other.
    #[error("certificate and key: {0}")]
    Unfit(#[from] rustls::Error),
    /// Authorities or revocation lists.
    #[error("client certificates: {0}")]
    Clients(#[from] rustls::server::VerifierBuilderError),
}

/// What was read at one time.
pub(super) struct Material {
    pub(super) config: Arc<ServerConfig>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl Tls {
    /// Reads the files.
    pub fn read(files: TlsFiles, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let time = Arc::new(Time(clock));
        let current = ArcSwap::from_pointee(Material::read(&files, &time)?);
        Ok(Self { files, time, current })
    }

    /// Reads the files again, when asked to and from time to time, for ever. What cannot be used changes nothing.
    pub async fn follow(&self, mut requests: watch::Receiver<u64>) {
        let mut due = tokio::time::interval(self.files.reread_seconds.into());
        due.reset();
        loop {
            tokio::select! {
                _ = due.tick() => {}
                asked = requests.changed() => if asked.is_err() { return },
            }
            match Material::read(&self.files, &self.time) {
                Ok(material) => self.current.store(Arc::new(material)),
                Err(error) => {
                    tracing::error!(%error, "certificates and revocation lists were not read again; those read before stay in force");
                }
            }
        }
    }

    /// What is in force.
    pub(super) fn current(&self) -> Arc<Material> {
        self.current.load_full()
    }

    /// Whether a client with this chain is let in by what is in force.
    pub(super) fn lets_in(&self, chain: &[CertificateDer<'_>]) -> bool {
        match (&self.current.load().clients, chain) {
            (None, _) => true,
            (Some(clients), [certificate, intermediates @ ..]) => self
                .time
                .current_time()
                .is_some_and(|now| clients.verify_client_cert(certificate, intermediates, now).is_ok()),
            (Some(_), []) => false,
        }
    }
}

impl Material {
    fn read(files: &TlsFiles, time: &Arc<Time>) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients = match &files.clients {
            Some(clients) => Some(verifier(clients, &provider)?),
            None => None,
        };
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|_| TlsError::Key(files.key.clone()))?;
        let builder = ServerConfig::builder_with_details(provider, time.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(clients.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(certificates(&files.certificate)?, key)?;
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        // A session taken up again would not be asked for its certificate, and a revoked one could live on in it.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), clients })
    }
}

/// Purpose, chain, validity and revocation of every certificate of the chain; what cannot be told is refused.
fn verifier(files: &ClientFiles, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut authorities = RootCertStore::empty();
    for authority in certificates(&files.authorities)? {
        authorities.add(authority)?;
    }
    let oldest = Duration::from_secs(3600 * u64::from(files.oldest_revocations_hours.get()));
    let (mut lists, mut too_old_from) = (Vec::new(), Duration::MAX);
    for path in &files.revocations {
        for list in revocations::parse(path, read(path)?)? {
            let issued = revocations::issued(&list).map_err(|_| TlsError::RevocationList(path.clone()))?;
            too_old_from = too_old_from.min(issued.saturating_add(oldest));
            lists.push(list);
        }
    }
    let webpki = WebPkiClientVerifier::builder_with_provider(authorities.into(), provider.clone())
        .with_crls(lists)
        .enforce_revocation_expiration()
        .build()?;
    Ok(Arc::new(ClientVerifier { webpki, too_old_from: UnixTime::since_unix_epoch(too_old_from) }))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    match CertificateDer::pem_slice_iter(&read(path)?).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsError::Certificate(path.to_owned())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// The broker's time for rustls.
struct Time(Arc<dyn Clock>);

impl fmt::Debug for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
