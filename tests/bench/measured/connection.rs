//! gRPC over HTTP/2 and TLS by hand: what a caller costs beside the broker is measured with it, and so there is little of it.

use super::laid_out::LaidOut;
use anyhow::{Context, ensure};
use h2::client::SendRequest;
use hyper::{
    Method, Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, TE},
};
use prost::Message;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// More than any answer, so that nobody waits for leave to send.
const WINDOW: u32 = 1 << 20;
/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Clones share it.
#[derive(Clone)]
pub struct Connection(SendRequest<Bytes>);

impl Connection {
    /// One more, once it stands.
    pub async fn open(port: u16, tls: &Arc<ClientConfig>) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        let stream = TlsConnector::from(tls.clone()).connect("localhost".try_into()?, socket).await?;
        let (requests, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await?;
        // It ends with `requests`; what goes wrong before is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self(requests))
    }

    /// The encoded answer to one question.
    pub async fn ask(&self, method: &str, token: &HeaderValue, question: &impl Message) -> anyhow::Result<Bytes> {
        let mut requests = self.0.clone().ready().await?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(method)
            .header(TE, "trailers")
            .header(CONTENT_TYPE, "application/grpc")
            .header(AUTHORIZATION, token.clone())
            .body(())?;
        let (response, mut body) = requests.send_request(request, false)?;
        let length = question.encoded_len();
        let mut message = Vec::with_capacity(PREFIX + length);
        message.push(0);
        message.extend_from_slice(&u32::try_from(length)?.to_be_bytes());
        question.encode(&mut message)?;
        body.send_data(message.into(), true)?;

        let mut response = response.await?.into_body();
        let mut answer = Vec::new();
        while let Some(part) = response.data().await.transpose()? {
            response.flow_control().release_capacity(part.len())?;
            answer.extend_from_slice(&part);
        }
        let trailers = response.trailers().await?.context("an answer without a status")?;
        ensure!(trailers.get("grpc-status").is_some_and(|status| status == "0"), "{trailers:?}");
        ensure!(answer.len() > PREFIX, "an answer without a message");
        Ok(Bytes::from(answer).split_off(PREFIX))
    }
}

/// How the broker is known.
pub fn tls(laid_out: &LaidOut) -> anyhow::Result<Arc<ClientConfig>> {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_file(laid_out.path("authority.pem"))?)?;
    let mut tls = ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(tls))
}
