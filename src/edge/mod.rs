//! The outside: the only folder that knows tonic, and gRPC status codes.
#![expect(clippy::disallowed_types, reason = "`tonic::Status` belongs here, and nowhere else")]

mod access;
mod audit;
mod authenticate;
mod broken_off;
mod health;
mod intake;
mod messages;
mod observed;
mod server;
mod status;
mod strict_codec;
mod wire;

pub use server::{Exposure, ServeError, Services, Tls, serve};
pub use strict_codec::{StrictCodec, StrictDecoder};
