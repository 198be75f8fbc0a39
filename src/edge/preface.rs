//! How HTTP/2 begins (RFC 9113, section 3.4). A connection that does not begin so is none of ours, whatever it speaks.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length, type, flags, stream.
const FRAME_HEADER: usize = 9;
const SETTINGS: u8 = 4;
/// Of a first frame; six bytes are one setting, and not a dozen are known.
const LARGEST: usize = 1024;

/// Reads the preface and the settings of a client, and gives them as they came. They may be followed by more.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(PREFACE.len() + FRAME_HEADER);
    while start.len() < length(&start)? {
        if stream.read_buf(&mut start).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(start)
}

/// How long the start of a connection is, as far as it can be told from what came.
fn length(start: &[u8]) -> io::Result<usize> {
    let (preface, frame) = start.split_at(start.len().min(PREFACE.len()));
    if !PREFACE.starts_with(preface) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP/2"));
    }
    let [a, b, c, kind, ..] = frame else { return Ok(PREFACE.len() + FRAME_HEADER) };
    let settings = u32::from_be_bytes([0, *a, *b, *c]) as usize;
    if *kind != SETTINGS || settings > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "HTTP/2 without settings"));
    }
    Ok(PREFACE.len() + FRAME_HEADER + settings)
}
