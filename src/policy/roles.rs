//! The closed lists of roles and purposes.

use crate::{
    ids::{Purpose, Role},
    strict_toml::{self, InvalidToml},
};
use indexmap::IndexMap;
use serde::Deserialize;
use std::collections::HashMap;

/// A role, by its place in the lists it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleId(usize);

/// A purpose, by its place in the lists it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PurposeId(usize);

/// The roles and purposes of a deployment. A role or purpose that is not here is unknown wherever it turns up.
#[derive(Debug)]
pub struct Roles {
    roles: Vec<RoleSpec>,
    purposes: Vec<Purpose>,
    roles_by_name: HashMap<String, RoleId>,
    purposes_by_name: HashMap<String, PurposeId>,
}

/// One role.
#[derive(Debug)]
pub struct RoleSpec {
    /// Its name.
    pub role: Role,
    /// What it is, for people.
    pub title: String,
    /// It enforces the law: what the catalogue does not open to law enforcement is out of its reach (CS4).
    pub law_enforcement: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    purposes: IndexMap<Purpose, String>,
    roles: IndexMap<Role, RawRole>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawRole {
    Title(String),
    Spec(RawSpec),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpec {
    title: String,
    law_enforcement: bool,
}

impl Roles {
    /// Reads `roles.toml`.
    pub fn parse(text: &str) -> Result<Self, InvalidToml> {
        let file: File = strict_toml::read(text)?;
        let spec = |(role, raw)| match raw {
            RawRole::Title(title) => RoleSpec { role, title, law_enforcement: false },
            RawRole::Spec(spec) => RoleSpec { role, title: spec.title, law_enforcement: spec.law_enforcement },
        };
        let roles: Vec<_> = file.roles.into_iter().map(spec).collect();
        let purposes: Vec<_> = file.purposes.into_keys().collect();
        let role = |(at, spec): (usize, &RoleSpec)| (spec.role.to_string(), RoleId(at));
        let purpose = |(at, purpose): (usize, &Purpose)| (purpose.to_string(), PurposeId(at));
        Ok(Self {
            roles_by_name: roles.iter().enumerate().map(role).collect(),
            purposes_by_name: purposes.iter().enumerate().map(purpose).collect(),
            roles,
            purposes,
        })
    }

    /// A role by name.
    pub fn role_named(&self, name: &str) -> Option<RoleId> {
        self.roles_by_name.get(name).copied()
    }

    /// A purpose by name.
    pub fn purpose_named(&self, name: &str) -> Option<PurposeId> {
        self.purposes_by_name.get(name).copied()
    }

    /// One role.
    pub fn role_at(&self, at: RoleId) -> &RoleSpec {
        &self.roles[at.0]
    }

    /// One purpose.
    pub fn purpose_at(&self, at: PurposeId) -> &Purpose {
        &self.purposes[at.0]
    }

    /// A known role.
    pub fn role(&self, name: &str) -> Option<&RoleSpec> {
        self.role_named(name).map(|at| self.role_at(at))
    }

    /// A known purpose.
    pub fn purpose(&self, name: &str) -> Option<&Purpose> {
        self.purpose_named(name).map(|at| self.purpose_at(at))
    }

    /// All roles.
    pub fn roles(&self) -> &[RoleSpec] {
        &self.roles
    }

    /// All purposes.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }

    /// All purposes, with their places.
    pub(super) fn purposes_by_id(&self) -> impl Iterator<Item = (PurposeId, &Purpose)> {
        self.purposes.iter().enumerate().map(|(at, purpose)| (PurposeId(at), purpose))
    }

    /// The place of a role for a purpose in a table that has one for each pair.
    pub(super) fn position(&self, role: RoleId, purpose: PurposeId) -> usize {
        role.0 * self.purposes.len() + purpose.0
    }
}
