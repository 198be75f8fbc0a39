//! fail-closed: what was not redacted cannot be encoded or turned into a message.

use disown::{
    access::{Linked, LinkedRecord},
    pb,
};
use prost::Message;

fn encode(linked: &Linked) -> Vec<u8> {
    linked.encode_to_vec()
}

fn turn(record: LinkedRecord) -> pb::Record {
    record.into()
}

fn main() {}
