//! no-identifier-leak: a subject identifier cannot be compared, nor be a key of a map.

use disown::pseudonym::SubjectIdentifier;
use std::collections::HashSet;

fn same(one: &SubjectIdentifier, other: &SubjectIdentifier) -> bool {
    one == other
}

fn remember(seen: &mut HashSet<SubjectIdentifier>, identifier: SubjectIdentifier) {
    seen.insert(identifier);
}

fn main() {}
