//! log-before-release: a refusal that may be told is made by recording it and not by hand.

use disown::{
    access::{Refused, Told},
    access_log::Receipt,
};

fn forge(receipt: Receipt) -> Refused {
    Refused { told: Told::Denied, by_subject: false, _receipt: Box::new(receipt) }
}

fn main() {}
