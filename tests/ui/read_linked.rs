//! fail-closed: the values of what was not redacted cannot be read.

use disown::access::{Linked, LinkedRecord};

fn records(linked: Linked) -> Vec<LinkedRecord> {
    linked.records
}

fn values(record: &LinkedRecord) -> usize {
    record.values.len()
}

fn main() {}
