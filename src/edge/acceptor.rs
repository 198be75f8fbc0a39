//! The way in: TCP, TLS and the start of HTTP/2, for many clients at once and in bounded time. What does not get through is closed
//! and told nothing; one that is slow, broken or hostile keeps nobody else out.

use super::{
    connection::{Connection, Peer, Stream, Verified},
    places::{Client, Places},
    preface,
    tls::{HTTP_2, Tls},
    untaken::Untaken,
};
use crate::{
    config::Limits,
    identity::{Attempts, Thumbprint},
};
use std::{collections::VecDeque, convert::Infallible, io, net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

/// What a connection is opened with.
pub(super) struct Opener {
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) limits: Limits,
    pub(super) places: Arc<Places>,
    /// A certificate that is refused is an attempt like a token that is.
    pub(super) attempts: Arc<Attempts>,
    pub(super) stopping: watch::Receiver<bool>,
}

/// Accepts until nobody takes the connections any more.
pub(super) fn accept(listener: TcpListener, opener: Opener) -> ReceiverStream<Result<Connection, Infallible>> {
    let (opened, connections) = mpsc::channel(16);
    tokio::spawn(run(listener, Arc::new(opener), opened));
    ReceiverStream::new(connections)
}

async fn run(listener: TcpListener, opener: Arc<Opener>, opened: mpsc::Sender<Result<Connection, Infallible>>) {
    let mut openings = Openings::of(opener.limits.openings.get() as usize);
    loop {
        let accepted = tokio::select! {
            () = opened.closed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let (opener, opened) = (opener.clone(), opened.clone());
                openings.begin(async move {
                    match opener.open(stream, from.ip()).await {
                        Ok(connection) => drop(opened.send(Ok(connection)).await),
                        Err(error) => tracing::debug!(%error, "a connection was not opened"),
                    }
                });
            }
            // The client was gone before it was let in.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "connections cannot be accepted; trying again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Connections that are being opened. An honest client is through in milliseconds: where there are too many, the oldest goes.
struct Openings {
    most: usize,
    tasks: JoinSet<()>,
    by_age: VecDeque<AbortHandle>,
}

impl Openings {
    fn of(most: usize) -> Self {
        Self { most, tasks: JoinSet::new(), by_age: VecDeque::new() }
    }

    fn begin(&mut self, opening: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.by_age.retain(|one| !one.is_finished());
        if self.by_age.len() >= self.most
            && let Some(oldest) = self.by_age.pop_front()
        {
            oldest.abort();
        }
        self.by_age.push_back(self.tasks.spawn(opening));
    }
}

impl Opener {
    async fn open(&self, stream: TcpStream, address: IpAddr) -> io::Result<Connection> {
        let opening = tokio::time::timeout(self.limits.opening_seconds.into(), self.begin(stream));
        let opened = opening.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        if opened.as_ref().is_err_and(refuses_certificate) {
            self.attempts.count(Some(address));
        }
        let (stream, start, verified) = opened?;
        let certificate = verified
            .as_ref()
            .and_then(|verified| verified.chain.first())
            .map(|certificate| Thumbprint::of(certificate));
        let Some(place) = self.places.take(Client::of(certificate, address)) else {
            return Err(io::Error::other("there are enough connections, in all or of this client"));
        };
        let room = Arc::new(Semaphore::new(self.limits.requests.get() as usize));
        let peer = Peer { address, certificate, room, untaken: Arc::new(Untaken::default()) };
        Ok(Connection::new((stream, start), peer, verified, place, &self.limits, self.stopping.clone()))
    }

    /// TLS, if there is any, and then HTTP/2.
    async fn begin(&self, mut stream: TcpStream) -> io::Result<(Box<dyn Stream>, Vec<u8>, Option<Verified>)> {
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            let start = preface::read(&mut stream).await?;
            return Ok((Box::new(stream), start, None));
        };
        let with = tls.current();
        let mut stream = TlsAcceptor::from(with.config.clone()).accept(stream).await?;
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(HTTP_2) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "HTTP/2 was not agreed on"));
        }
        let verified =
            session.peer_certificates().map(|chain| Verified { tls: tls.clone(), with, chain: chain.to_vec() });
        let start = preface::read(&mut stream).await?;
        Ok((Box::new(stream), start, verified))
    }
}

fn refuses_certificate(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented))
}
