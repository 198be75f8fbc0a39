//! The closed lists of roles and purposes.

use crate::{
    ids::{Purpose, Role},
    strict_toml::{self, InvalidToml},
};
use indexmap::IndexMap;
use serde::Deserialize;

/// The roles and purposes of a deployment. A role or purpose that is not here is unknown wherever it turns up.
#[derive(Debug)]
pub struct Roles {
    roles: Vec<RoleSpec>,
    purposes: Vec<Purpose>,
}

/// One role.
#[derive(Debug)]
pub struct RoleSpec {
    /// Its name.
    pub role: Role,
    /// What it is, for people.
    pub title: String,
    /// It enforces the law: clinical data is out of its reach (CS4).
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
        Ok(Self { roles: file.roles.into_iter().map(spec).collect(), purposes: file.purposes.into_keys().collect() })
    }

    /// A known role.
    pub fn role(&self, name: &str) -> Option<&RoleSpec> {
        self.roles.iter().find(|spec| spec.role.as_str() == name)
    }

    /// A known purpose.
    pub fn purpose(&self, name: &str) -> Option<&Purpose> {
        self.purposes.iter().find(|purpose| purpose.as_str() == name)
    }

    /// All roles.
    pub fn roles(&self) -> &[RoleSpec] {
        &self.roles
    }

    /// All purposes.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }
}
