//! Which lines a question can match. Casbin's time grows with the lines it is given, so it is given no other: those of the role
//! and the roles it inherits from, for the purpose, that name the object or its category. Matches are exact, so that a line which
//! is left out could not have matched.

use super::rules::{Permission, Rules};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The lines of a policy, by role and purpose.
pub(super) struct Lines<'a> {
    parents: BTreeMap<&'a str, BTreeSet<&'a str>>,
    permissions: HashMap<(&'a str, &'a str), Vec<&'a Permission>>,
}

/// What is said of one role for one purpose.
pub(super) struct Shard<'a> {
    pub(super) role: &'a str,
    pub(super) purpose: &'a str,
    /// Role, and the role it inherits from: as far as they can be reached from this one.
    pub(super) inheritance: Vec<(&'a str, &'a str)>,
    by_object: HashMap<&'a str, Vec<&'a Permission>>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(rules: &'a Rules) -> Self {
        let mut permissions: HashMap<_, Vec<_>> = HashMap::new();
        for line in &rules.permissions {
            permissions.entry((line.role.as_str(), line.purpose.as_str())).or_default().push(line);
        }
        Self { parents: rules.parents(), permissions }
    }

    /// None, where no line could grant anything.
    pub(super) fn shard(&self, role: &'a str, purpose: &'a str) -> Option<Shard<'a>> {
        let mut roles = vec![role];
        let mut inheritance = Vec::new();
        let mut at = 0;
        while let Some(child) = roles.get(at).copied() {
            for parent in self.parents.get(child).into_iter().flatten().copied() {
                inheritance.push((child, parent));
                if !roles.contains(&parent) {
                    roles.push(parent);
                }
            }
            at += 1;
        }
        let mut by_object: HashMap<_, Vec<_>> = HashMap::new();
        for line in roles.iter().filter_map(|role| self.permissions.get(&(*role, purpose))).flatten() {
            by_object.entry(line.object.as_str()).or_default().push(*line);
        }
        (!by_object.is_empty()).then_some(Shard { role, purpose, inheritance, by_object })
    }
}

impl<'a> Shard<'a> {
    /// The lines that name an object.
    pub(super) fn naming(&self, object: &str) -> &[&'a Permission] {
        self.by_object.get(object).map_or(&[], Vec::as_slice)
    }
}
