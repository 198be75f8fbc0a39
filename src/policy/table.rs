//! Decisions, compiled: Casbin is asked every question once, when a policy is loaded. A request then costs a look-up, however many
//! lines the policy has.

use super::{
    agreement::Operation,
    casbin::{CasbinError, Judge, Model},
    roles::Roles,
    rules::{Act, CATEGORY, Rules, object_of},
    shard::{Lines, Shard},
};
use crate::dataset::{
    Catalogue, Level,
    catalogue::{Field, FieldId, RecordTypeId},
};
use std::collections::HashMap;

/// What each role may see and do for each purpose, by `Roles::position`. What is not in it is withheld.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Option<Permissions>>);

/// What one role may see and do for one purpose.
#[derive(Debug)]
pub(super) struct Permissions {
    levels: Vec<Level>,
    puts: Vec<bool>,
    operations: Vec<Operation>,
}

impl Table {
    /// Asks Casbin everything that a line is about.
    pub(super) async fn compile(rules: &Rules, roles: &Roles, catalogue: &Catalogue) -> Result<Self, CasbinError> {
        let (lines, model) = (Lines::of(rules), Model::read().await?);
        let mut table = Vec::new();
        // In the order of `Roles::position`.
        for spec in roles.roles() {
            for purpose in roles.purposes() {
                table.push(match lines.shard(spec.role.as_str(), purpose.as_str()) {
                    Some(shard) => Some(Permissions::of(&model, &shard, catalogue).await?),
                    None => None,
                });
            }
        }
        Ok(Self(table))
    }

    /// What may be done by the role for the purpose at that position; none: nothing.
    pub(super) fn permissions(&self, position: usize) -> Option<&Permissions> {
        self.0.get(position)?.as_ref()
    }
}

impl Permissions {
    /// The level at which a field may be shown.
    pub(super) fn level(&self, field: FieldId) -> Level {
        self.levels.get(field.position()).copied().unwrap_or(Level::Withheld)
    }

    /// Whether records of a type may be put in.
    pub(super) fn may_put(&self, record_type: RecordTypeId) -> bool {
        self.puts.get(record_type.position()).copied().unwrap_or(false)
    }

    /// Whether an operation may be done.
    pub(super) fn may_do(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    async fn of(model: &Model, shard: &Shard<'_>, catalogue: &Catalogue) -> Result<Self, CasbinError> {
        let mut of_categories = HashMap::new();
        let mut levels = Vec::new();
        for (id, field) in catalogue.fields() {
            let category = format!("{CATEGORY}{}", field.category);
            let by_category = shard.naming(&category).iter().copied();
            let by_name = shard.naming(&field.name);
            if !by_name.is_empty() {
                let lines = by_name.iter().copied().chain(by_category);
                let judge =
                    Judge::of(model, shard, lines, [(field.name.as_str(), category.as_str())].into_iter()).await?;
                levels.push(level(judge.as_ref(), id, field, catalogue)?);
                continue;
            }
            // Most lines name categories: the fields that no line names share a judge.
            if !of_categories.contains_key(&field.category) {
                let members = catalogue.fields().filter(|(_, other)| other.category == field.category);
                let members = members.map(|(_, other)| (other.name.as_str(), category.as_str()));
                of_categories.insert(field.category.clone(), Judge::of(model, shard, by_category, members).await?);
            }
            let judge = of_categories.get(&field.category).and_then(Option::as_ref);
            levels.push(level(judge, id, field, catalogue)?);
        }
        let mut puts = Vec::new();
        for (_, known) in catalogue.record_types() {
            puts.push(allows(model, shard, &known.full_name, Act::Put).await?);
        }
        let mut operations = Vec::new();
        for operation in Operation::ALL {
            if allows(model, shard, object_of(operation), Act::Show(Level::Full)).await? {
                operations.push(operation);
            }
        }
        Ok(Self { levels, puts, operations })
    }
}

/// Of an object that belongs to no category.
async fn allows(model: &Model, shard: &Shard<'_>, object: &str, act: Act) -> Result<bool, CasbinError> {
    match Judge::of(model, shard, shard.naming(object).iter().copied(), std::iter::empty()).await? {
        Some(judge) => judge.allows(object, act),
        None => Ok(false),
    }
}

/// The most that a field may be shown at.
fn level(judge: Option<&Judge<'_>>, id: FieldId, field: &Field, catalogue: &Catalogue) -> Result<Level, CasbinError> {
    let Some(judge) = judge else { return Ok(Level::Withheld) };
    let mut level = Level::Withheld;
    for shown in Level::SHOWN.into_iter().filter(|shown| catalogue.can_show(id, *shown)) {
        if judge.allows(&field.name, Act::Show(shown))? {
            level = shown;
        }
    }
    Ok(level)
}
