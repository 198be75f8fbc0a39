//! All integration tests, in one binary: the broker over real sockets, on real databases.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody else uses it"
)]

mod harness;

mod access;
mod apart;
mod faults;
mod kill;
mod sequencing;
mod vectors;
