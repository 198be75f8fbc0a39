//! `[listen.limits]`: what one client, and all of them together, can take.

use serde::Deserialize;
use std::{num::NonZeroU32, time::Duration};

/// At least one of each: a limit of nothing serves nobody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once, of everybody.
    pub connections: NonZeroU32,
    /// Of these, of one certificate; of one address where certificates are not asked for.
    pub connections_per_client: NonZeroU32,
    /// Connections that are being opened. With one more, the oldest of them is given up.
    pub openings: NonZeroU32,
    /// Until TLS is agreed on and HTTP/2 has begun.
    pub opening_seconds: Seconds,
    /// Until a client is asked to connect anew.
    pub connection_seconds: Seconds,
    /// For what is under way then.
    pub grace_seconds: Seconds,
    /// For what is under way when the broker is told to stop.
    pub stopping_seconds: Seconds,
    /// A silent connection is asked whether it still lives.
    pub keep_alive_seconds: Seconds,
    /// And must answer.
    pub keep_alive_answer_seconds: Seconds,
    /// Requests at once on a connection.
    pub requests: NonZeroU32,
    /// Until a response begins, whatever `grpc-timeout` asks for.
    pub request_seconds: Seconds,
    /// Until the next piece of a request comes, or of a response is taken.
    pub piece_seconds: Seconds,
    /// All headers of a request, as HTTP/2 counts them.
    pub header_bytes: NonZeroU32,
}

/// A time span of configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Seconds(NonZeroU32);

impl From<Seconds> for Duration {
    fn from(Seconds(seconds): Seconds) -> Self {
        Duration::from_secs(seconds.get().into())
    }
}

impl Seconds {
    pub(super) const fn of(seconds: u32) -> Self {
        Self(some(seconds))
    }
}

pub(super) const fn some(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: some(1024),
            connections_per_client: some(32),
            openings: some(256),
            opening_seconds: Seconds::of(5),
            connection_seconds: Seconds::of(600),
            grace_seconds: Seconds::of(300),
            stopping_seconds: Seconds::of(30),
            keep_alive_seconds: Seconds::of(20),
            keep_alive_answer_seconds: Seconds::of(10),
            requests: some(32),
            request_seconds: Seconds::of(30),
            piece_seconds: Seconds::of(30),
            header_bytes: some(8 * 1024),
        }
    }
}
