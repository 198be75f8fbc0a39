//! The one place where failures become gRPC status codes. What callers are told is decided here.

use crate::{
    access::{Refused, Told},
    access_log::{SearchError, Unavailable},
};
use tonic::Status;

/// Everything that a caller can be told went wrong. Deliberately few.
#[derive(Debug)]
pub(super) enum Failure {
    /// No good token.
    Unauthenticated,
    /// Bytes that are no request of this service.
    Malformed,
    /// A recorded refusal.
    Refused(Refused),
    /// No receipt, hence no release.
    Unavailable(Unavailable),
    /// Something is in the way of every answer.
    NotReady,
    /// No time for an answer, or none any more.
    TooLate,
    /// A `grpc-timeout` that is none.
    Timeout,
    /// Too many requests of one connection.
    Busy,
    /// Something is broken here.
    Fault,
}

impl Failure {
    /// Whether the time it takes may tell of a subject.
    pub(super) fn goes_by_subject(&self) -> bool {
        matches!(self, Failure::Refused(refused) if refused.goes_by_subject())
    }

    /// As telemetry counts it.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Failure::Unauthenticated => "unauthenticated",
            Failure::Malformed => "invalid",
            Failure::Refused(refused) => match refused.told() {
                Told::Denied => "denied",
                Told::Invalid(_) => "invalid",
            },
            Failure::Unavailable(_) | Failure::NotReady | Failure::TooLate | Failure::Timeout | Failure::Busy => {
                "unavailable"
            }
            Failure::Fault => "fault",
        }
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unauthenticated => Status::unauthenticated("not authenticated"),
            Failure::Malformed => Status::invalid_argument("not a request of this service"),
            Failure::Refused(refused) => match refused.told() {
                Told::Denied => Status::permission_denied("permission denied"),
                Told::Invalid(invalid) => Status::invalid_argument(format!("`{}`: {}", invalid.argument, invalid.rule)),
            },
            Failure::Unavailable(Unavailable::Unwritable) => {
                Status::unavailable("the access log cannot be written, so nothing is released; try again later")
            }
            Failure::Unavailable(Unavailable::AboveLimit) => {
                Status::unavailable("a limit of the day was reached while the request was under way; try again")
            }
            Failure::Unavailable(Unavailable::EpochMoved) => {
                Status::unavailable("the policy changed while the request was under way; try again")
            }
            Failure::NotReady => Status::unavailable(
                "this broker cannot serve what is in force, so it answers nothing; ask another one, or try again later",
            ),
            Failure::TooLate => Status::deadline_exceeded("the time for an answer is over"),
            Failure::Timeout => {
                Status::invalid_argument("`grpc-timeout`: one to eight digits and a unit of H, M, S, m, u, n")
            }
            Failure::Busy | Failure::Unavailable(Unavailable::Overloaded) => {
                Status::resource_exhausted("too many requests; try again later")
            }
            Failure::Fault => Status::internal("a fault of the broker; it is in its telemetry"),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::Refused(refused)
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        Failure::Unavailable(unavailable)
    }
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        if let SearchError::Unavailable(unavailable) = error {
            return Failure::Unavailable(unavailable);
        }
        tracing::error!(%error, "the access log could not be read");
        Failure::Fault
    }
}
