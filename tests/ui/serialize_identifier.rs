//! no-identifier-leak: a subject identifier cannot be serialized.

use disown::pseudonym::SubjectIdentifier;

fn write(identifier: &SubjectIdentifier) -> String {
    serde_json::to_string(identifier).unwrap()
}

fn main() {}
