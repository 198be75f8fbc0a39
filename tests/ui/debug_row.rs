//! no-identifier-leak: rows on their way in have no `Debug`.

use disown::pb::{LoadRequest, Row};

fn print(row: &Row, request: &LoadRequest) {
    println!("{row:?} {request:?}");
}

fn main() {}
