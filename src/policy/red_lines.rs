//! Red lines: what no policy may ever allow, checked over all combinations at every start and reload.

use super::{
    Policy,
    roles::{RoleId, Roles},
};
use crate::{
    dataset::{
        Catalogue, Level,
        catalogue::{Field, FieldId, LawEnforcement},
    },
    strict_toml::{self, InvalidToml},
};
use serde::Deserialize;

/// The red lines of a deployment.
#[derive(Debug)]
pub(super) struct RedLines(Vec<RedLine>);

#[derive(Debug)]
struct RedLine {
    name: String,
    roles: Vec<RoleId>,
    fields: Vec<FieldId>,
}

/// A policy crosses a red line: the counterexample.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("red line crossed: {line}: `{role}` would see `{field}` at `{level}` for `{purpose}` under {agreement}")]
pub struct Crossed {
    /// Which.
    pub line: String,
    /// By whom.
    pub role: String,
    /// What for.
    pub purpose: String,
    /// Under which agreement, or by the policy alone.
    pub agreement: String,
    /// What.
    pub field: String,
    /// How much of it.
    pub level: &'static str,
}

/// A file of red lines that is refused.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRedLines {
    /// Not the TOML that red lines are.
    #[error("red-lines.toml: {0}")]
    Form(#[from] InvalidToml),
    /// It names something that is not there. A line that covers nothing would protect nobody.
    #[error("red-lines.toml: `{line}`: `{name}` {what}")]
    Content {
        /// Which line.
        line: String,
        /// What it names.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    red_line: Vec<RawLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    name: String,
    roles: Listed,
    #[serde(default)]
    datasets: Listed,
    #[serde(default)]
    fields: Vec<String>,
    /// What is marked so in the catalogue.
    #[serde(default)]
    law_enforcement: Vec<LawEnforcement>,
}

/// A group, or names.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Group(String),
    Names(Vec<String>),
}

impl Default for Listed {
    fn default() -> Self {
        Listed::Names(vec![])
    }
}

/// The line that no file has to have, and none can leave out.
const OPEN_ALONE: &str = "law enforcement is allowed nothing but what the catalogue opens to it (CS4)";

impl RedLines {
    pub(super) fn parse(text: &str, roles: &Roles, catalogue: &Catalogue) -> Result<Self, InvalidRedLines> {
        let file: File = strict_toml::read(text)?;
        let written = file.red_line.into_iter().map(|raw| red_line(raw, roles, catalogue));
        written.chain([Ok(open_alone(roles, catalogue))]).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a line keeps a field from a role, whatever opens it.
    pub(super) fn keep(&self, role: RoleId, field: FieldId) -> bool {
        self.0.iter().any(|line| line.roles.contains(&role) && line.fields.contains(&field))
    }

    /// Every role × purpose × agreement × field: what the policy alone allows must not cross a line either, so that no later
    /// agreement can.
    pub(super) fn check(&self, policy: &Policy) -> Result<(), Box<Crossed>> {
        for line in &self.0 {
            for role in &line.roles {
                for (purpose_id, purpose) in policy.roles.purposes_by_id() {
                    let Some(permissions) = policy.permissions(*role, purpose_id) else { continue };
                    let role = &policy.roles.role_at(*role).role;
                    for field in &line.fields {
                        let level = permissions.level(*field);
                        if level == Level::Withheld {
                            continue;
                        }
                        let covering = policy.agreements.values().find(|agreement| {
                            agreement.fields.contains_key(field)
                                && agreement.roles.contains(role)
                                && agreement.purposes.contains(purpose)
                        });
                        return Err(Box::new(Crossed {
                            line: line.name.clone(),
                            role: role.to_string(),
                            purpose: purpose.to_string(),
                            agreement: covering
                                .map_or("the policy alone".to_owned(), |agreement| format!("`{}`", agreement.id)),
                            field: policy.catalogue.field(*field).name.clone(),
                            level: level.as_str(),
                        }));
                    }
                }
            }
        }
        Ok(())
    }
}

fn enforcing(roles: &Roles) -> Vec<RoleId> {
    let enforces = roles.roles().iter().filter(|spec| spec.law_enforcement);
    enforces.filter_map(|spec| roles.role_named(spec.role.as_str())).collect()
}

fn open_alone(roles: &Roles, catalogue: &Catalogue) -> RedLine {
    let closed = catalogue.fields().filter(|(_, field)| field.law_enforcement != LawEnforcement::Open);
    RedLine { name: OPEN_ALONE.to_owned(), roles: enforcing(roles), fields: closed.map(|(id, _)| id).collect() }
}

fn red_line(raw: RawLine, roles: &Roles, catalogue: &Catalogue) -> Result<RedLine, InvalidRedLines> {
    let wrong = |name: &str, what| InvalidRedLines::Content { line: raw.name.clone(), name: name.to_owned(), what };
    let named = match &raw.roles {
        Listed::Group(group) if group == "all" => {
            roles.roles().iter().filter_map(|spec| roles.role_named(spec.role.as_str())).collect()
        }
        Listed::Group(group) if group == "law_enforcement" => enforcing(roles),
        Listed::Group(group) => return Err(wrong(group, "is no group of roles: `all` or `law_enforcement`")),
        Listed::Names(names) => names
            .iter()
            .map(|name| roles.role_named(name).ok_or_else(|| wrong(name, "is not a role of roles.toml")))
            .collect::<Result<_, _>>()?,
    };
    let mut fields = Vec::new();
    let datasets = match &raw.datasets {
        Listed::Group(group) if group == "all" => {
            fields.extend(catalogue.fields().map(|(id, _)| id));
            &[][..]
        }
        Listed::Group(group) => return Err(wrong(group, "is no group of datasets: `all`")),
        Listed::Names(names) => names,
    };
    for dataset in datasets {
        let (at, _) =
            catalogue.dataset_named(dataset).ok_or_else(|| wrong(dataset, "is no dataset of the catalogue"))?;
        add(&mut fields, catalogue, |field| catalogue.record_type(field.record_type).dataset == at)
            .ok_or_else(|| wrong(dataset, "has no field"))?;
    }
    for pattern in &raw.fields {
        add(&mut fields, catalogue, |field| matches(pattern, &field.name))
            .ok_or_else(|| wrong(pattern, "names no field of the catalogue"))?;
    }
    for reach in &raw.law_enforcement {
        add(&mut fields, catalogue, |field| field.law_enforcement == *reach)
            .ok_or_else(|| wrong(reach.as_str(), "is the `law_enforcement` of no field of the catalogue"))?;
    }
    if named.is_empty() || fields.is_empty() {
        return Err(wrong(&raw.name, "covers nothing"));
    }
    Ok(RedLine { name: raw.name.clone(), roles: named, fields })
}

fn add(fields: &mut Vec<FieldId>, catalogue: &Catalogue, wanted: impl Fn(&Field) -> bool) -> Option<()> {
    let before = fields.len();
    fields.extend(catalogue.fields().filter(|(_, field)| wanted(field)).map(|(id, _)| id));
    (fields.len() > before).then_some(())
}

/// `dataset.record_type.column`, each part a name or `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), name.split('.').collect());
    pattern.len() == name.len() && pattern.iter().zip(name).all(|(wanted, part)| *wanted == "*" || *wanted == part)
}
