//! Frames of HTTP/2 as bytes, for what no library would send.

use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GO_AWAY: u8 = 7;
pub const WINDOW: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_HEADERS: u8 = 4;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Preface and settings.
pub fn opening() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat()
}

/// A string of HPACK (RFC 7541), as it is.
fn string(text: &[u8]) -> Vec<u8> {
    // A length of seven bits and more.
    let mut out = Vec::new();
    if text.len() < 127 {
        out.push(u8::try_from(text.len()).unwrap());
    } else {
        out.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            out.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        out.push(u8::try_from(rest).unwrap());
    }
    [out, text.to_vec()].concat()
}

/// A header that is not to be remembered.
pub fn header(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

/// A header that is to be remembered.
pub fn remembered(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0x40], string(name), string(value)].concat()
}

/// The headers of a gRPC request.
pub fn headers(path: &str) -> Vec<u8> {
    [
        vec![0x83, 0x86, 0x04],
        string(path.as_bytes()),
        header(b":authority", b"localhost"),
        header(b"content-type", b"application/grpc"),
        header(b"te", b"trailers"),
    ]
    .concat()
}

/// Writes all of it as fast as it is taken, reading meanwhile, until it is all taken or nothing is any more; gives what was read.
pub async fn flood(stream: TcpStream, bytes: Vec<u8>) -> Vec<u8> {
    let (mut reading, mut writing) = stream.into_split();
    let reader = tokio::spawn(async move {
        let mut all = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(Ok(read @ 1..)) = timeout(Duration::from_secs(3), reading.read(&mut buffer)).await {
            all.extend_from_slice(&buffer[..read]);
        }
        all
    });
    let _ = writing.write_all(&bytes).await;
    let _ = writing.flush().await;
    reader.await.unwrap()
}

/// The frames in what was read: kind, stream, payload.
pub fn frames(mut bytes: &[u8]) -> Vec<(u8, u32, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, _, s, t, u, v, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        if rest.len() < length {
            break;
        }
        frames.push((*kind, u32::from_be_bytes([*s, *t, *u, *v]), rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    frames
}

/// Whether the connection was closed for that reason (RFC 9113, section 7).
pub fn gone_away(bytes: &[u8], reason: u32) -> bool {
    frames(bytes).iter().any(|(kind, _, payload)| *kind == GO_AWAY && payload[4..8] == reason.to_be_bytes())
}
