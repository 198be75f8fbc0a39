//! log-before-release: what may leave is made by release alone.

use disown::{access::Released, access_log::Receipt};

fn forge(answer: Vec<u8>, receipt: Receipt) -> Released {
    Released { answer, receipt, lacks: false }
}

fn main() {}
