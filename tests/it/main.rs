//! All integration tests, in one binary: the broker over real sockets, on real databases.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, nobody else uses it, and it speaks to the broker as a client does"
)]

mod harness;

mod access;
mod audit;
mod config;
mod identity;
mod intake;
mod vectors;
