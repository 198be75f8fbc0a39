//! no-identifier-leak: a subject identifier has no `Display`.

use disown::pseudonym::SubjectIdentifier;

fn print(identifier: &SubjectIdentifier) {
    println!("{identifier}");
}

fn main() {}
