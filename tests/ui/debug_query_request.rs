//! no-identifier-leak: a request message has no `Debug`.

use disown::pb::QueryRequest;

fn print(request: &QueryRequest) {
    println!("{request:?}");
}

fn main() {}
