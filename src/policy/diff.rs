//! What another policy changes, over everything that can be asked: so that it is seen before it is in force (CS5).

use super::{
    Operation, Policy,
    decide::{belong_together, named},
};
use crate::dataset::Level;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that is opened otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// To which role.
    pub role: String,
    /// For which purpose.
    pub purpose: String,
    /// Under which agreement.
    pub agreement: String,
    /// A field, a record type that is put in, or an operation.
    pub what: String,
    /// A level, `allowed` or `withheld`.
    pub before: &'static str,
    /// The same, afterwards.
    pub after: &'static str,
}

/// An agreement whose terms are others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherTerms {
    /// Which.
    pub agreement: String,
    /// The parts of its file that differ; none where there is no such agreement before or afterwards.
    pub parts: Vec<String>,
}

const ALLOWED: &str = "allowed";

impl Policy {
    /// What changes on a day if `after` comes into force, and all its agreements with it.
    pub fn changes(&self, after: &Policy, today: Date) -> Vec<Change> {
        let names = |policy: &Policy| -> [BTreeSet<String>; 3] {
            let roles = policy.roles.roles().iter().map(|spec| spec.role.to_string()).collect();
            let purposes = policy.roles.purposes().iter().map(ToString::to_string).collect();
            [roles, purposes, policy.agreements().map(|agreement| agreement.id.to_string()).collect()]
        };
        let [mut roles, mut purposes, mut agreements] = names(self);
        let [more_roles, more_purposes, more_agreements] = names(after);
        roles.extend(more_roles);
        purposes.extend(more_purposes);
        agreements.extend(more_agreements);
        let mut changes = Vec::new();
        for agreement in &agreements {
            for role in &roles {
                for purpose in &purposes {
                    let terms = (role.as_str(), purpose.as_str(), agreement.as_str());
                    let (old, new) = (self.opens(terms, today), after.opens(terms, today));
                    let all: BTreeSet<_> = old.keys().chain(new.keys()).collect();
                    changes.extend(all.into_iter().filter(|what| old.get(*what) != new.get(*what)).map(|what| {
                        Change {
                            role: role.clone(),
                            purpose: purpose.clone(),
                            agreement: agreement.clone(),
                            what: what.clone(),
                            before: old.get(what).unwrap_or(&Level::Withheld.as_str()),
                            after: new.get(what).unwrap_or(&Level::Withheld.as_str()),
                        }
                    }));
                }
            }
        }
        changes
    }

    /// Agreements whose terms are others in `after`: who is bound, for how long, to what.
    pub fn other_terms(&self, after: &Policy) -> Vec<OtherTerms> {
        let parts = |policy: &Policy, id: &str| -> toml::Table {
            policy.agreement(id).and_then(|agreement| agreement.text.parse().ok()).unwrap_or_default()
        };
        let ids: BTreeSet<_> = self.agreements().chain(after.agreements()).map(|one| one.id.to_string()).collect();
        let other = ids.into_iter().filter_map(|id| {
            let (old, new) = (parts(self, &id), parts(after, &id));
            let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
            let there = !old.is_empty() && !new.is_empty();
            let differ: Vec<_> = keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).cloned().collect();
            (!differ.is_empty()).then(|| OtherTerms { agreement: id, parts: if there { differ } else { vec![] } })
        });
        other.collect()
    }

    /// Everything that somebody may in a role, for a purpose, under an agreement.
    fn opens(&self, (role, purpose, agreement): (&str, &str, &str), today: Date) -> BTreeMap<String, &'static str> {
        let mut open = BTreeMap::new();
        let Ok(named) = named(self, &self.agreements, role, purpose, agreement) else { return open };
        if belong_together(self, named, today).is_err() {
            return open;
        }
        for field in named.agreement.fields.keys() {
            if let Ok(decision) = self.disclosure(role, purpose, agreement, *field, today)
                && decision.level > Level::Withheld
            {
                open.insert(self.catalogue.field(*field).name.clone(), decision.level.as_str());
            }
        }
        let Some(permissions) = self.permissions(named.role, named.purpose) else { return open };
        let taken_in = named.agreement.intake.iter().filter(|record_type| permissions.may_put(**record_type));
        open.extend(taken_in.map(|at| (format!("put {}", self.catalogue.record_type(*at).full_name), ALLOWED)));
        let may =
            |operation: &Operation| named.agreement.operations.contains(operation) && permissions.may_do(*operation);
        open.extend(Operation::ALL.into_iter().filter(may).map(|operation| (operation.name().to_owned(), ALLOWED)));
        open
    }
}
