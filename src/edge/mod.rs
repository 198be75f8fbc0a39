//! The outside: the only folder that knows tonic, and gRPC status codes.
#![expect(clippy::disallowed_types, reason = "`tonic::Status` belongs here, and nowhere else")]

mod acceptor;
mod access;
mod agreement;
mod audit;
mod authenticate;
mod bounded;
mod break_glass;
mod broken_off;
mod connection;
mod deadline;
mod health;
mod intake;
mod messages;
mod observed;
mod places;
mod preface;
mod revocations;
mod rights;
mod server;
mod status;
mod strict_codec;
mod texts;
mod tls;
mod untaken;
mod warrant;
mod watch;
mod wire;

pub use server::{Exposure, ServeError, Services, serve};
pub use strict_codec::{StrictCodec, StrictDecoder};
pub use tls::{Tls, TlsError};
