//! no-identifier-leak: a checked question has no `Debug`, and neither has the subject in it.

use disown::access::Query;

fn print(query: &Query) {
    println!("{query:?}");
    println!("{:?}", query.subject);
}

fn main() {}
