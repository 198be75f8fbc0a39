//! All integration tests, in one binary: the broker over real sockets, on real databases.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, is a client that sees statuses, and has no other users"
)]

mod harness;

mod access;
mod allowed;
mod apart;
mod approval;
mod audit;
mod break_glass;
mod brokers;
mod catalogues;
mod categories;
mod cli;
mod config;
mod control;
mod coverage;
mod faults;
mod identity;
mod intake;
mod keys;
mod kill;
mod layout;
mod limits;
mod meanwhile;
mod memory;
mod oracle;
mod own_gate;
mod policy;
mod postgres;
mod rights;
mod sequencing;
mod stores;
mod telemetry;
mod terms;
mod transport;
mod ui;
mod vectors;
mod warrant;
mod watch;
mod wire;
