//! apart: pseudonyms cannot be compared outside a store, nor printed.

use disown::pseudonym::Pseudonym;

fn same(one: &Pseudonym, other: &Pseudonym) -> bool {
    one == other
}

fn print(pseudonym: &Pseudonym) {
    println!("{pseudonym:?}");
}

fn main() {}
