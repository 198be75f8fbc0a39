//! no-identifier-leak: a subject identifier cannot be copied.

use disown::pseudonym::SubjectIdentifier;

fn keep(identifier: &SubjectIdentifier) -> SubjectIdentifier {
    identifier.clone()
}

fn main() {}
