//! Around every service, health and reflection among them: what is not gRPC, has no time left, finds no room on its connection or
//! comes too slowly is refused before any work; what panics is a fault, and no more than that.

use super::{
    connection::Peer,
    deadline::{self, Malformed},
    status::Failure,
};
use crate::config::Limits;
use futures_util::{future::BoxFuture, stream};
use http_body_util::{BodyExt, StreamBody};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use tonic::{
    Status,
    body::Body,
    codegen::{
        Body as _, Context, Poll, Service,
        http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE},
    },
};
use tracing::Instrument;

/// Serves what it holds, within bounds.
#[derive(Clone)]
pub(super) struct Bounded<S> {
    inner: S,
    /// Until a response begins.
    longest: Duration,
    /// Until the next piece of a request.
    patience: Duration,
}

/// With less time than this left no answer would arrive.
const SHORTEST: Duration = Duration::from_millis(100);

impl<S> Bounded<S> {
    pub(super) fn new(inner: S, limits: &Limits) -> Self {
        Self { inner, longest: limits.request_seconds.into(), patience: limits.piece_seconds.into() }
    }

    /// How long it may take, the room it has, and whose it is.
    fn admit(&self, request: &Request<Body>) -> Result<(Duration, OwnedSemaphorePermit, Peer), Failure> {
        let time = match deadline::asked(request.headers()) {
            Ok(asked) => asked.unwrap_or(self.longest).min(self.longest),
            Err(Malformed) => return Err(Failure::Timeout),
        };
        if time < SHORTEST {
            return Err(Failure::TooLate);
        }
        let peer = request.extensions().get::<Peer>().cloned().ok_or(Failure::Fault)?;
        let room = peer.room.clone().try_acquire_owned().map_err(|_| Failure::Busy)?;
        Ok((time, room, peer))
    }
}

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.method() != Method::POST || !is_grpc(request.headers()) {
            return Box::pin(async { Ok(not_grpc()) });
        }
        let (time, room, peer) = match self.admit(&request) {
            Ok(admitted) => admitted,
            Err(failure) => return Box::pin(async { Ok(told(failure)) }),
        };
        let patience = self.patience;
        let answering = self.inner.call(request.map(|body| in_time(body, patience)));
        // A task of its own: it ends in order when its client goes away, keeps its room until then, and panics alone.
        let task = async move {
            let answer = answering.await;
            drop(room);
            answer
        };
        let answered = timeout(time, tokio::spawn(task.in_current_span()));
        Box::pin(async move {
            Ok(match answered.await {
                Ok(Ok(Ok(response))) => response.map(|body| Arc::clone(&peer.untaken).watch(body)),
                Ok(Err(_)) => told(Failure::Fault),
                Err(_) => told(Failure::TooLate),
            })
        })
    }
}

/// Exactly gRPC with protocol buffers: gRPC-web and its relatives begin alike.
fn is_grpc(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let known = types.next().is_some_and(|one| one == "application/grpc" || one == "application/grpc+proto");
    known && types.next().is_none()
}

fn not_grpc() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

fn told(failure: Failure) -> Response<Body> {
    Status::from(failure).into_http()
}

/// The same body, of which each piece must come in time.
fn in_time(body: Body, patience: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(StreamBody::new(stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout(patience, body.frame()).await {
            Ok(piece) => Some((piece?, Some(body))),
            Err(_) => Some((Err(Failure::TooLate.into()), None)),
        }
    })))
}
