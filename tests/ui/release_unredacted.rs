//! fail-closed: what was not redacted is not released.

use disown::{
    access::{Linked, release},
    access_log::Receipt,
};

fn give_away(linked: Linked, receipt: Receipt) {
    let _ = release(linked, receipt);
}

fn main() {}
