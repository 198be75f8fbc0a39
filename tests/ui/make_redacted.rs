//! log-before-release: what makes the final bytes is not for others.

use disown::{access::Redacted, access_log::Entry};

fn make(bytes: Vec<u8>, entry: Entry) -> Redacted {
    Redacted::new(bytes, entry, false)
}

fn main() {}
