//! log-before-release: one receipt releases one answer.

use disown::{
    access::{Redacted, release},
    access_log::Receipt,
};

fn give_away(first: Redacted, second: Redacted, receipt: Receipt) {
    let _ = release(first, receipt);
    let _ = release(second, receipt);
}

fn main() {}
