//! log-before-release: the bytes of an answer cannot be had before it is released.

use disown::access::Redacted;

fn peek(answer: &Redacted) -> &[u8] {
    &answer.bytes
}

fn main() {}
