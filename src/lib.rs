//! Disown: a gRPC broker between people who hold personal data and people who may need some of it.
//!
//! Several datasets stay apart, each with its own store, keys and pseudonyms. A caller asks about a subject, for a purpose, under
//! an agreement. The broker links the datasets for that one answer, releases each field in full, coarsened, as mere existence, or
//! not at all, and releases nothing before a tamper-evident entry of it is durable.
//!
//! The modules stand in the order in which a request passes them:
//!
//! 1. [`edge`] and [`identity`]: who asks
//! 2. [`policy`]: may they, and what
//! 3. [`access`]: plan, translate, fetch, link, redact, record, release; [`intake`]: check, seal, record, store; [`rights`]: restrict
//! 4. [`control`], [`pseudonym`], [`dataset`], [`access_log`]: what these stand on

// The way of a request.
pub mod edge;
pub mod identity;
pub mod approval;
pub mod policy;
pub mod access;
pub mod intake;
pub mod rights;
pub mod warrant;
pub mod watch;

// What it stands on.
pub mod access_log;
pub mod control;
pub mod dataset;
pub mod pseudonym;

// What runs it.
pub mod app;
pub mod break_glass;
pub mod cli;
pub mod config;
pub mod deployment;

pub mod clock;
pub mod database;
pub mod entropy;
pub mod ids;
pub mod memory;
pub mod readiness;
pub mod strict_toml;
pub mod telemetry;

/// The messages and services of `proto/disown/v1`.
pub mod pb {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::allow_attributes_without_reason,
        clippy::disallowed_types,
        reason = "generated from the proto files, where the comments are"
    )]
    tonic::include_proto!("disown.v1");

    /// The descriptors of everything in the package, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/disown.v1.fds.bin"));
}
