//! no-identifier-leak: a subject identifier has no `Debug`.

use disown::pseudonym::SubjectIdentifier;

fn print(identifier: &SubjectIdentifier) {
    println!("{identifier:?}");
}

fn main() {}
