//! 1. Authenticate: a good token puts a `Caller` into the request; a handler without one refuses.

use super::{connection::Peer, status::Failure};
use crate::{
    identity::{Attempts, Caller, Thumbprint, Verifier},
    readiness::Readiness,
    telemetry::metrics,
};
use std::{net::IpAddr, sync::Arc};
use tonic::{Request, Status, service::Interceptor};

/// Looks at the token of every request, and lets none pass while the broker cannot serve what is in force.
#[derive(Clone)]
pub(super) struct Authenticate {
    verifier: Arc<Verifier>,
    attempts: Arc<Attempts>,
    readiness: Arc<Readiness>,
}

impl Authenticate {
    pub(super) fn new(verifier: Arc<Verifier>, attempts: Arc<Attempts>, readiness: Arc<Readiness>) -> Self {
        Self { verifier, attempts, readiness }
    }

    fn caller(&self, request: &Request<()>) -> Option<Caller> {
        let mut headers = request.metadata().get_all("authorization").iter();
        let (Some(only), None) = (headers.next(), headers.next()) else {
            return None;
        };
        self.verifier.verify(only.to_str().ok()?.strip_prefix("Bearer ")?, thumbprint(request)).ok()
    }
}

impl Interceptor for Authenticate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        match self.caller(&request) {
            Some(_) if !self.readiness.is_ready() => Err(Failure::NotReady.into()),
            Some(caller) => {
                request.extensions_mut().insert(caller);
                Ok(request)
            }
            None => {
                self.attempts.count(peer(&request));
                metrics::unauthenticated();
                Err(Failure::Unauthenticated.into())
            }
        }
    }
}

/// The caller that the interceptor put there.
pub(super) fn caller_of<T>(request: &Request<T>) -> Result<Caller, Failure> {
    request.extensions().get::<Caller>().cloned().ok_or(Failure::Unauthenticated)
}

fn peer(request: &Request<()>) -> Option<IpAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.address)
}

/// The client certificate of the request's connection, where there is mutual TLS.
fn thumbprint(request: &Request<()>) -> Option<Thumbprint> {
    request.extensions().get::<Peer>().and_then(|peer| peer.certificate)
}
