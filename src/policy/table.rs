//! Decisions, compiled: Casbin is asked every question once, when a policy is loaded. A request then costs a look-up, however many
//! lines the policy has.

use super::{
    agreement::LogUse,
    casbin::{CasbinError, Judge},
    roles::Roles,
    rules::{Act, Rules, object_of},
};
use crate::{
    dataset::{
        Catalogue, Level,
        catalogue::{FieldId, RecordTypeId},
    },
    ids::{Purpose, Role},
};
use std::collections::HashMap;

/// What each role may see and do for each purpose. What is not in it is withheld.
#[derive(Debug, Default)]
pub(super) struct Table(HashMap<(Role, Purpose), Permissions>);

/// What one role may see and do for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Permissions {
    levels: Vec<Level>,
    puts: Vec<bool>,
    access_log: Vec<LogUse>,
}

impl Table {
    /// Asks Casbin everything.
    pub(super) async fn compile(rules: &Rules, roles: &Roles, catalogue: &Catalogue) -> Result<Self, CasbinError> {
        let mut table = HashMap::new();
        for purpose in roles.purposes() {
            // A purpose without a line grants nothing: no need to ask.
            if !rules.permissions.iter().any(|permission| permission.purpose == purpose.as_str()) {
                continue;
            }
            let judge = Judge::of(purpose.as_str(), rules, catalogue).await?;
            for spec in roles.roles() {
                let permissions = Permissions::of(&spec.role, purpose, &judge, catalogue)?;
                table.insert((spec.role.clone(), purpose.clone()), permissions);
            }
        }
        Ok(Self(table))
    }

    /// The level at which a field may be shown; what nobody decided is withheld.
    pub(super) fn level(&self, role: &Role, purpose: &Purpose, field: FieldId) -> Level {
        let levels = self.permissions(role, purpose).map(|permissions| &permissions.levels);
        levels.and_then(|levels| levels.get(field.position())).copied().unwrap_or(Level::Withheld)
    }

    /// Whether records of a type may be put in.
    pub(super) fn may_put(&self, role: &Role, purpose: &Purpose, record_type: RecordTypeId) -> bool {
        let puts = self.permissions(role, purpose).map(|permissions| &permissions.puts);
        puts.and_then(|puts| puts.get(record_type.position())).copied().unwrap_or(false)
    }

    /// Whether the access log may be read in this way.
    pub(super) fn may_read_access_log(&self, role: &Role, purpose: &Purpose, log_use: LogUse) -> bool {
        self.permissions(role, purpose).is_some_and(|permissions| permissions.access_log.contains(&log_use))
    }

    fn permissions(&self, role: &Role, purpose: &Purpose) -> Option<&Permissions> {
        self.0.get(&(role.clone(), purpose.clone()))
    }
}

impl Permissions {
    fn of(role: &Role, purpose: &Purpose, judge: &Judge, catalogue: &Catalogue) -> Result<Self, CasbinError> {
        let ask = |object: &str, act| judge.allows(role.as_str(), purpose.as_str(), object, act);
        let mut levels = Vec::new();
        for (id, field) in catalogue.fields() {
            let mut level = Level::Withheld;
            for shown in Level::SHOWN.into_iter().filter(|shown| catalogue.can_show(id, *shown)) {
                if ask(&field.name, Act::Show(shown))? {
                    level = shown;
                }
            }
            levels.push(level);
        }
        let puts =
            catalogue.record_types().map(|(_, known)| ask(&known.full_name, Act::Put)).collect::<Result<_, _>>()?;
        let mut access_log = Vec::new();
        for log_use in [LogUse::Search, LogUse::BySubject] {
            if ask(object_of(log_use), Act::Show(Level::Full))? {
                access_log.push(log_use);
            }
        }
        Ok(Self { levels, puts, access_log })
    }
}
