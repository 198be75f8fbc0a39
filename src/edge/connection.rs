//! A connection that has begun: who is at its other end, and when it ends.

use super::{places::Place, tls::Material, tls::Tls, untaken::Untaken};
use crate::{config::Limits, identity::Thumbprint};
use rustls::pki_types::CertificateDer;
use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{Semaphore, watch},
    time::{Instant, Interval, MissedTickBehavior, interval},
};
use tonic::transport::server::Connected;

/// Who is at the other end. It is in the extensions of every request of the connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// As the socket has it; what a header says of it is not listened to.
    pub(super) address: IpAddr,
    /// Of the certificate that was verified; none where none was asked for.
    pub(super) certificate: Option<Thumbprint>,
    /// Room for requests. Work goes on when a client resets its request, and keeps its room until it is done.
    pub(super) room: Arc<Semaphore>,
    /// What the client lets wait.
    pub(super) untaken: Arc<Untaken>,
}

/// Bytes in and out, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The certificates of a client, and what they were verified with.
pub(super) struct Verified {
    pub(super) tls: Arc<Tls>,
    pub(super) with: Arc<Material>,
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// A connection on its way to tonic.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    /// What was read of it before, and comes first.
    start: Vec<u8>,
    peer: Peer,
    verified: Option<Verified>,
    _place: Place,
    look: Interval,
    ends: Instant,
    stopping: watch::Receiver<bool>,
    time_to_stop: Duration,
    patience: Duration,
    over: Option<&'static str>,
}

/// So often a connection looks whether it is over.
const LOOK: Duration = Duration::from_secs(1);

impl Connection {
    pub(super) fn new(
        (stream, start): (Box<dyn Stream>, Vec<u8>),
        peer: Peer,
        verified: Option<Verified>,
        place: Place,
        limits: &Limits,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            stream,
            start,
            peer,
            verified,
            _place: place,
            look,
            ends: Instant::now() + Duration::from(limits.connection_seconds) + Duration::from(limits.grace_seconds),
            stopping,
            time_to_stop: limits.stopping_seconds.into(),
            patience: limits.piece_seconds.into(),
            over: None,
        }
    }

    /// An error once it is over. Reading and writing both ask, since either may be what the connection waits for.
    fn go_on(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.over.is_none() && self.look.poll_tick(context).is_ready() {
            self.over = self.end();
        }
        match self.over {
            Some(why) => Err(io::Error::new(io::ErrorKind::TimedOut, why)),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Option<&'static str> {
        if self.stopping.has_changed().unwrap_or(true) {
            self.stopping.mark_unchanged();
            self.ends = self.ends.min(Instant::now() + self.time_to_stop);
        }
        if Instant::now() >= self.ends {
            return Some("the connection is too old");
        }
        if self.peer.untaken.longest() > self.patience {
            return Some("the client does not take what it asked for");
        }
        if let Some(Verified { tls, with, chain }) = &mut self.verified {
            let current = tls.current();
            if !Arc::ptr_eq(with, &current) {
                *with = current;
                if !tls.lets_in(chain) {
                    return Some("the client's certificate is not good any more");
                }
            }
        }
        None
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.go_on(context)?;
        if self.start.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.start.len().min(buffer.remaining());
        buffer.put_slice(&self.start[..length]);
        self.start.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.go_on(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.go_on(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.go_on(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.go_on(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
