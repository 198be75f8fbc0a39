//! no-identifier-leak: the text of a subject identifier cannot be read.

use disown::pseudonym::SubjectIdentifier;

fn read(identifier: &SubjectIdentifier) -> &str {
    &identifier.0
}

fn pad(identifier: &SubjectIdentifier) -> Vec<u8> {
    identifier.padded().to_vec()
}

fn main() {}
