//! A client that breaks off is not one that has ended. tonic takes the reset of a request stream for its end, and half a load
//! would be stored as if it were whole: here the reset becomes an error.

use http_body_util::BodyExt;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Context, Poll, Service, http::Request},
    server::NamedService,
};

/// Serves what it holds, and lets a broken-off request be seen as one.
#[derive(Clone)]
pub(super) struct BreakingOff<S>(pub(super) S);

impl<S: NamedService> NamedService for BreakingOff<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for BreakingOff<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.0.call(request.map(|body| Body::new(body.map_err(seen))))
    }
}

fn seen(status: Status) -> Status {
    if status.code() == Code::Cancelled { Status::aborted("the client broke off") } else { status }
}
