//! Pieces of responses that wait for their client. HTTP/2 lets a client take nothing for ever, and only the end of its connection
//! takes the stream from it: so each connection knows since when it keeps pieces waiting.

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tonic::{body::Body, codegen::Body as _};

/// The responses of one connection with a piece that waits, and since when.
#[derive(Debug, Default)]
pub(super) struct Untaken {
    responses: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Instant>>,
}

/// A response of a connection.
struct Response {
    number: u64,
    untaken: Arc<Untaken>,
    body: Body,
}

impl Untaken {
    /// How long the oldest has waited.
    pub(super) fn longest(&self) -> Duration {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().map(Instant::elapsed).max().unwrap_or_default()
    }

    /// The same body, watched. It is asked for a piece only when the one before was taken.
    pub(super) fn watch(self: Arc<Self>, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        let number = self.responses.fetch_add(1, Ordering::Relaxed);
        let response = Response { number, untaken: self, body };
        Body::new(StreamBody::new(stream::unfold(response, |mut response| async move {
            response.taken();
            let piece = response.body.frame().await?;
            response.offered();
            Some((piece, response))
        })))
    }
}

impl Response {
    fn offered(&self) {
        let mut waiting = self.untaken.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(self.number, Instant::now());
    }

    fn taken(&self) {
        self.untaken.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.taken();
    }
}
