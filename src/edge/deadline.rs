//! `grpc-timeout`: how long a client will wait, as far as that is any of our concern.

use std::time::Duration;
use tonic::codegen::http::{HeaderMap, HeaderValue};

/// Not what the gRPC protocol allows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What it asks for, if it asks: at most eight digits and a unit.
pub(super) fn asked(headers: &HeaderMap<HeaderValue>) -> Result<Option<Duration>, Malformed> {
    let mut values = headers.get_all("grpc-timeout").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => parse(only.as_bytes()).map(Some).ok_or(Malformed),
        (Some(_), Some(_)) => Err(Malformed),
    }
}

fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}
