//! no-identifier-leak: what was not redacted cannot be printed, as a whole or in part.

use disown::{
    access::{Linked, LinkedRecord},
    dataset::Value,
};

fn print(linked: &Linked, record: &LinkedRecord, value: &Value) {
    println!("{linked:?}");
    println!("{record:?}");
    println!("{value:?}");
    println!("{value}");
}

fn main() {}
