//! A server that publishes keys over HTTPS, well and badly.

use super::{
    signers::{Signer, jwks},
    trust::{ISSUER, Trust, issuer},
};
use disown::{config::KeySetSource, identity::Pace};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;
use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What it answers.
#[derive(Clone)]
pub(super) enum Answer {
    /// 200 and that body.
    Body(String),
    /// These bytes and the end.
    Raw(String),
    /// Blanks without end.
    Endless,
    /// Nothing, ever.
    Silent,
    /// The end of the connection before TLS.
    NoTls,
}

pub(super) struct Publisher {
    pub(super) address: SocketAddr,
    /// The certificate to trust.
    pub(super) ca: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Publisher {
    pub(super) async fn of(keys: &[Value]) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, asked) = (Arc::new(Mutex::new(Answer::Body(jwks(keys)))), Arc::new(AtomicUsize::new(0)));
        let serving = tokio::spawn(serve(listener, acceptor, answer.clone(), asked.clone()));
        Self { address, ca: made.cert.pem(), answer, asked, serving }
    }

    pub(super) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(super) fn publishes(&self, keys: &[Value]) {
        self.answers(Answer::Body(jwks(keys)));
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}/jwks.json", self.address)
    }

    /// A verifier that gets its keys here, and has not yet.
    pub(super) fn trusted(&self, signer: &Signer, pace: Pace) -> Trust {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, &self.ca).unwrap();
        let source = KeySetSource::Url { url: self.url().parse().unwrap(), ca: Some(ca) };
        Trust::of(vec![issuer(ISSUER, signer, source)], folder, pace)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, answer: Arc<Mutex<Answer>>, asked: Arc<AtomicUsize>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, answer, asked) = (acceptor.clone(), answer.lock().unwrap().clone(), asked.clone());
        if matches!(answer, Answer::NoTls) {
            asked.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        tokio::spawn(async move {
            // A client that does not trust us, or has heard enough, goes.
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = converse(stream, answer, &asked).await;
            }
        });
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Answer,
    asked: &AtomicUsize,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    assert!(request.starts_with(b"GET /jwks.json HTTP/1.1\r\n"));
    asked.fetch_add(1, Ordering::SeqCst);
    match answer {
        Answer::Body(body) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all([head, body].concat().as_bytes()).await?;
        }
        Answer::Raw(raw) => stream.write_all(raw.as_bytes()).await?,
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        Answer::Silent => std::future::pending().await,
        Answer::NoTls => {}
    }
    stream.shutdown().await
}
