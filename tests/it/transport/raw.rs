//! A client without a library around it, up to HTTP/2.

use super::authority::SERVER;
use crate::harness::*;
use h2::client::SendRequest;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::codegen::{Bytes, http};

/// Longer than anything takes: a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(90);

pub const HEALTH: &str = "/grpc.health.v1.Health/Check";
pub const QUERY: &str = "/disown.v1.AccessService/Query";

/// A message of nothing.
pub const EMPTY: &[u8] = &[0, 0, 0, 0, 0];

impl TestBroker {
    pub async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub async fn shake(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(SERVER).unwrap(), self.tcp().await).await
    }

    /// The alert that ends a handshake. In TLS 1.3 a client has finished when its certificate is looked at.
    pub async fn alert(&self, config: ClientConfig) -> String {
        let refused = match self.shake(config).await {
            Ok(mut stream) => {
                let told = timeout(LONG, stream.read_u8()).await.expect("it was neither refused nor closed");
                told.map(drop).unwrap_err()
            }
            Err(error) => error,
        };
        refused.to_string()
    }

    /// What health says to a client of TLS.
    pub async fn serves(&self, config: ClientConfig) -> bool {
        match self.shake(config).await {
            Ok(stream) => Http2::over(stream).await.ask(http_request(HEALTH), EMPTY).await == Ok(Some(0)),
            Err(_) => false,
        }
    }
}

/// Reads to the end, which must come.
pub async fn ended(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    // Closed with something unread in it, a socket ends with an error.
    let _ = timeout(LONG, stream.read_to_end(&mut all)).await.expect("the connection was not closed");
    all
}

pub struct Http2 {
    pub send: SendRequest<Bytes>,
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

/// A gRPC request, as it should be.
pub fn http_request(path: &str) -> http::request::Builder {
    http::Request::post(format!("http://{SERVER}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// With the token of somebody.
pub fn http_request_of(broker: &TestBroker, asker: &Asker, path: &str) -> http::request::Builder {
    http_request(path).header("authorization", format!("Bearer {}", asker.token(&broker.deployment)))
}

/// A message with its length before it.
pub fn framed(message: &impl prost::Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat()
}

impl Http2 {
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self::with(&h2::client::Builder::new(), stream).await
    }

    pub async fn with(
        builder: &h2::client::Builder,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (send, connection) = builder.handshake(stream).await.unwrap();
        Self { send, connection: tokio::spawn(connection) }
    }

    /// Sends a whole request; gives the HTTP status where it is not 200, and otherwise that of gRPC.
    pub async fn ask(&self, request: http::request::Builder, body: &[u8]) -> Result<Option<u16>, String> {
        let told = |error: h2::Error| error.to_string();
        let mut send = self.send.clone().ready().await.map_err(told)?;
        let (response, mut sending) = send.send_request(request.body(()).unwrap(), false).map_err(told)?;
        // A refusal need not wait for the body.
        let _ = sending.send_data(Bytes::copy_from_slice(body), true);
        let (head, mut body) = response.await.map_err(told)?.into_parts();
        if head.status != http::StatusCode::OK {
            return Ok(Some(head.status.as_u16()));
        }
        while let Some(piece) = body.data().await {
            let piece = piece.map_err(told)?;
            body.flow_control().release_capacity(piece.len()).map_err(told)?;
        }
        let trailers = body.trailers().await.map_err(told)?;
        let status = head.headers.get("grpc-status").or(trailers.as_ref().and_then(|all| all.get("grpc-status")));
        Ok(status.map(|status| status.to_str().unwrap().parse().unwrap()))
    }

    /// Waits for the broker to close the connection.
    pub async fn closed(self) {
        let _ = timeout(LONG, self.connection).await.expect("the connection was not closed").unwrap();
    }
}
