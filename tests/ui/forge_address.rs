//! fail-closed: an address is made from a plan and not put together by hand.

use disown::{
    access::Address,
    dataset::{Selection, catalogue::DatasetIndex},
    pseudonym::Pseudonym,
};

fn forge(dataset: DatasetIndex, pseudonym: Pseudonym, selection: Selection) -> Address {
    Address { dataset, pseudonym, selection }
}

fn main() {}
