//! log-before-release: an answer is not released without a receipt.

use disown::access::{Redacted, Released, release};

fn give_away(answer: Redacted) -> Released {
    release(answer).unwrap()
}

fn main() {}
