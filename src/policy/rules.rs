//! Policy lines, read strictly: what Casbin would pass over in silence is refused here, with file, line and reason.

use super::{
    agreement::{LogUse, Operation, Right},
    roles::Roles,
};
use crate::dataset::{Catalogue, Level};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The lines of a policy file, checked.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) permissions: Vec<Permission>,
    /// Role, and the role it inherits from.
    pub(super) inheritance: Vec<(String, String)>,
}

/// A `p` line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Permission {
    pub(super) role: String,
    pub(super) purpose: String,
    pub(super) object: String,
    pub(super) act: Act,
    pub(super) allow: bool,
}

/// What a line is about: a level of disclosure, or putting data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Act {
    Show(Level),
    Put,
}

/// A policy file that is refused whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}", place(.file, .line))]
pub struct InvalidRule {
    /// File name.
    pub file: String,
    /// Line in it; 0: the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

fn place(file: &str, line: &u64) -> String {
    if *line > 0 { format!("{file}, line {line}") } else { file.to_owned() }
}

/// The object under which an operation is granted.
pub(super) fn object_of(operation: Operation) -> &'static str {
    match operation {
        Operation::AccessLog(LogUse::Search) => "access_log",
        Operation::AccessLog(LogUse::BySubject) => "access_log_by_subject",
        Operation::Right(Right::Restrict) => "restriction",
    }
}

/// What an object begins with that is a category.
pub(super) const CATEGORY: &str = "category:";
/// A chain of inheritance longer than this is a mistake.
const MAX_DEPTH: usize = 5;

impl Act {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Act::Show(level) => level.as_str(),
            Act::Put => "put",
        }
    }
}

/// Reads one policy file.
fn parse(file: &str, text: &str, roles: &Roles, catalogue: &Catalogue) -> Result<Rules, InvalidRule> {
    let mut rules = Rules::default();
    let mut seen = HashSet::new();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let invalid = |line: u64, what: &str| InvalidRule { file: file.to_owned(), line, what: what.to_owned() };
    for record in reader.records() {
        let record = record.map_err(|error| {
            invalid(error.position().map_or(0, csv::Position::line), "not a line of comma-separated UTF-8 text")
        })?;
        // Looked for only where it is told: it costs a reading of the file.
        let line = || record.position().map_or(0, |position| line_of(text, position.line()));
        let parts: Vec<&str> = record.iter().collect();
        if !seen.insert(parts.join("\0")) {
            return Err(invalid(line(), "the same line stands above"));
        }
        match parts[..] {
            ["p", role, purpose, object, act, effect] => {
                let permission = permission([role, purpose, object, act, effect], roles, catalogue);
                rules.permissions.push(permission.map_err(|what| invalid(line(), &what))?);
            }
            ["g", role, parent] => {
                for name in [role, parent] {
                    roles
                        .role(name)
                        .ok_or_else(|| invalid(line(), &format!("`{name}` is not a role of roles.toml")))?;
                }
                rules.inheritance.push((role.to_owned(), parent.to_owned()));
            }
            ["p" | "g", ..] => return Err(invalid(line(), "a `p` line has 5 parts after the tag, a `g` line has 2")),
            _ => return Err(invalid(line(), "a line begins with `p` or `g`")),
        }
    }
    Ok(rules)
}

/// All files of a policy together. What is wrong only with the whole is refused here: each file may be right by itself.
pub(super) fn join<'a>(
    files: impl Iterator<Item = (&'a String, &'a String)>,
    roles: &Roles,
    catalogue: &Catalogue,
) -> Result<Rules, InvalidRule> {
    let whole = |what: &str| InvalidRule { file: "*.csv".to_owned(), line: 0, what: what.to_owned() };
    let mut all = Rules::default();
    for (file, text) in files {
        let Rules { permissions, inheritance } = parse(file, text, roles, catalogue)?;
        let (known, inherited): (HashSet<_>, HashSet<_>) =
            (all.permissions.iter().collect(), all.inheritance.iter().collect());
        let twice = permissions.iter().any(|permission| known.contains(permission))
            || inheritance.iter().any(|pair| inherited.contains(pair));
        if twice {
            return Err(InvalidRule { file: file.clone(), ..whole("a line of it stands in another file too") });
        }
        all.permissions.extend(permissions);
        all.inheritance.extend(inheritance);
    }
    if !all.permissions.iter().any(|permission| permission.allow) {
        return Err(whole("there is no line that allows anything: an empty policy is a mistake"));
    }
    check_inheritance(&all).map_err(|what| whole(&what))?;
    check_enforcement(&all, roles).map_err(|what| whole(&what))?;
    Ok(all)
}

/// The reader says where it went on to read, which is before remarks and empty lines.
fn line_of(text: &str, from: u64) -> u64 {
    let lines = text.lines().zip(1..).skip_while(|(_, line)| *line < from);
    lines.into_iter().find(|(line, _)| !line.is_empty() && !line.starts_with('#')).map_or(from, |(_, line)| line)
}

pub(super) fn permission(parts: [&str; 5], roles: &Roles, catalogue: &Catalogue) -> Result<Permission, String> {
    let [role, purpose, object, act, effect] = parts;
    roles.role(role).ok_or_else(|| format!("`{role}` is not a role of roles.toml"))?;
    roles.purpose(purpose).ok_or_else(|| format!("`{purpose}` is not a purpose of roles.toml"))?;
    let act = match act {
        "full" => Act::Show(Level::Full),
        "coarse" => Act::Show(Level::Coarse),
        "exists" => Act::Show(Level::Exists),
        "put" => Act::Put,
        _ => return Err(format!("`{act}` is none of `full`, `coarse`, `exists`, `put`")),
    };
    let allow = match effect {
        "allow" => true,
        "deny" => false,
        _ => return Err(format!("`{effect}` is neither `allow` nor `deny`")),
    };
    check_object(object, act, catalogue)?;
    let [role, purpose, object] = [role, purpose, object].map(str::to_owned);
    Ok(Permission { role, purpose, object, act, allow })
}

fn check_object(object: &str, act: Act, catalogue: &Catalogue) -> Result<(), String> {
    let (known, kind) = match act {
        Act::Put => (catalogue.record_type_named(object).is_some(), "record type, which is what `put` is for"),
        Act::Show(level) if Operation::ALL.map(object_of).contains(&object) => {
            (level == Level::Full, "level of an operation: it is granted in full or not at all")
        }
        Act::Show(_) if object.starts_with(CATEGORY) => (
            catalogue.fields().any(|(_, field)| object[CATEGORY.len()..] == field.category),
            "category of the catalogue",
        ),
        Act::Show(level) => match catalogue.field_named(object) {
            Some(field) if !catalogue.can_show(field, level) => {
                return Err(format!("`{object}` has no coarse form in the catalogue"));
            }
            found => (found.is_some(), "field of the catalogue"),
        },
    };
    if known { Ok(()) } else { Err(format!("`{object}` is no {kind}")) }
}

impl Rules {
    /// The roles that each role inherits from, at one step.
    pub(super) fn parents(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut parents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (role, parent) in &self.inheritance {
            parents.entry(role).or_default().insert(parent);
        }
        parents
    }
}

/// No role inherits from itself, at whatever distance.
fn check_inheritance(rules: &Rules) -> Result<(), String> {
    let parents = rules.parents();
    for (role, _) in &rules.inheritance {
        let mut reached = BTreeSet::from([role.as_str()]);
        for _ in 0..=MAX_DEPTH {
            reached = reached.iter().filter_map(|child| parents.get(child)).flatten().copied().collect();
            if reached.contains(role.as_str()) {
                return Err(format!("the role `{role}` inherits from itself"));
            }
        }
        if !reached.is_empty() {
            return Err(format!("the role `{role}` inherits over more than {MAX_DEPTH} steps"));
        }
    }
    Ok(())
}

/// What inherits from law enforcement enforces the law: hard rules go by the property of the role itself.
fn check_enforcement(rules: &Rules, roles: &Roles) -> Result<(), String> {
    let enforces = |role: &str| roles.role(role).is_some_and(|spec| spec.law_enforcement);
    match rules.inheritance.iter().find(|(role, parent)| enforces(parent) && !enforces(role)) {
        None => Ok(()),
        Some((role, parent)) => Err(format!(
            "the role `{role}` inherits from `{parent}`, which enforces the law: `{role}` needs `law_enforcement = true` in roles.toml"
        )),
    }
}
