//! Why a field is shown as it is: the policy lines, the agreement's clause and the hard rule behind a decision.
//!
//! Nothing is decided here. The decision is that of `decide`; this finds what it stands on, and a test holds the two together.

use super::{
    Grant, Policy, Refusal,
    decide::{DecidedBy, Decision, Named, named},
    hard_rules,
    roles::{PurposeId, RoleId},
    rules::{Act, CATEGORY, Permission, permission},
};
use crate::dataset::{Level, catalogue::FieldId};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// What stands behind the decision of one field.
#[derive(Debug)]
pub struct Explained {
    /// The decision.
    pub decision: Decision,
    /// The lines that allow the level which the policy gives, and those that deny a more revealing one. None: no line allows it.
    pub lines: Vec<PolicyLine>,
    /// The level that the agreement has for the field; none: it does not list it.
    pub agreement: Option<Level>,
    /// The level that it has for who breaks glass, in this role; none: no more than otherwise.
    pub break_glass: Option<Level>,
    /// The rule that no line can change, where one withholds the field.
    pub hard_rule: Option<&'static str>,
}

/// A line of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLine {
    /// Which file.
    pub file: String,
    /// Line in it, from 1.
    pub line: u64,
    /// As it stands there.
    pub text: String,
}

impl Policy {
    /// Explains what is decided of one field for a role and a purpose under an agreement, whoever asks.
    pub fn explain(
        &self,
        role: &str,
        purpose: &str,
        agreement: &str,
        field: FieldId,
        today: Date,
    ) -> Result<Explained, Refusal> {
        let decision = self.disclosure(role, purpose, agreement, field, today)?;
        let Named { role, purpose, agreement } = named(self, &self.agreements, role, purpose, agreement)?;
        let break_glass = agreement.emergency_of(&self.roles.role_at(role).role);
        Ok(Explained {
            decision,
            lines: self.lines_behind((role, purpose), field),
            agreement: agreement.fields.get(&field).copied(),
            break_glass: break_glass.and_then(|clause| clause.fields.get(&field).copied()),
            hard_rule: hard_rules::binding(self, role, field, today),
        })
    }

    /// What set a level, for whoever it was decided: a line, a clause or a rule, in words.
    pub(crate) fn rule_behind(&self, grant: &Grant, decision: &Decision) -> String {
        let (role, purpose) = grant.named();
        let Some((role, purpose)) = self.roles.role_named(role).zip(self.roles.purpose_named(purpose)) else {
            return String::new();
        };
        let agreement = grant.agreement();
        let field = &self.catalogue.field(decision.field).name;
        match decision.decided_by {
            DecidedBy::Policy => {
                let lines = self.lines_behind((role, purpose), decision.field);
                let lines: Vec<_> =
                    lines.iter().map(|one| format!("{}:{}: {}", one.file, one.line, one.text)).collect();
                if lines.is_empty() { "no policy line allows more".to_owned() } else { lines.join("; ") }
            }
            DecidedBy::Agreement => match agreement.fields.get(&decision.field) {
                Some(level) => format!("{}, [fields]: \"{field}\" = \"{}\"", agreement.id, level.as_str()),
                None => format!("{}, [fields]: not listed", agreement.id),
            },
            DecidedBy::HardRule => {
                hard_rules::binding(self, role, decision.field, grant.today).unwrap_or_default().to_owned()
            }
            DecidedBy::Warrant => format!("{}, [fields], by a warrant", agreement.id),
            DecidedBy::BreakGlass => format!("{}, [break_glass.fields]", agreement.id),
        }
    }

    /// The lines that allow the level which the policy gives, and those that deny a more revealing one.
    fn lines_behind(&self, (role, purpose): (RoleId, PurposeId), field: FieldId) -> Vec<PolicyLine> {
        let by_policy = self.permissions(role, purpose).map_or(Level::Withheld, |known| known.level(field));
        let (role, purpose) = (self.roles.role_at(role).role.as_str(), self.roles.purpose_at(purpose).as_str());
        let roles = self.inherited(role);
        let spec = self.catalogue.field(field);
        let objects = [spec.name.clone(), format!("{CATEGORY}{}", spec.category)];
        let behind = |line: &Permission| {
            let about = roles.contains(&line.role) && line.purpose == purpose && objects.contains(&line.object);
            about
                && matches!(line.act, Act::Show(level) if if line.allow { level == by_policy } else { level > by_policy || by_policy == Level::Withheld })
        };
        self.lines().filter(|(_, line)| behind(line)).map(|(place, _)| place).collect()
    }

    /// A role, and all that it inherits from.
    fn inherited(&self, role: &str) -> BTreeSet<String> {
        let mut roles = BTreeSet::from([role.to_owned()]);
        loop {
            let parents = self.text_lines().filter_map(|(_, parts)| match &parts[..] {
                [tag, child, parent] if tag == "g" && roles.contains(child) => Some(parent.clone()),
                _ => None,
            });
            let more: Vec<_> = parents.filter(|parent| !roles.contains(parent)).collect();
            if more.is_empty() {
                return roles;
            }
            roles.extend(more);
        }
    }

    fn lines(&self) -> impl Iterator<Item = (PolicyLine, Permission)> {
        self.text_lines().filter_map(|(place, parts)| match &parts[..] {
            [tag, rest @ ..] if tag == "p" => {
                let parts: [&str; 5] = rest.iter().map(String::as_str).collect::<Vec<_>>().try_into().ok()?;
                Some((place, permission(parts, &self.roles, &self.catalogue).ok()?))
            }
            _ => None,
        })
    }

    /// The lines of the policy files with their places. They were read strictly when the policy was loaded.
    fn text_lines(&self) -> impl Iterator<Item = (PolicyLine, Vec<String>)> {
        let files = self.files().rules.iter().filter(|(name, _)| name.ends_with(".csv"));
        files.flat_map(|(file, text)| {
            text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty() && !text.starts_with('#')).map(
                |(text, line)| {
                    let parts = text.split(',').map(|part| part.trim().to_owned()).collect();
                    (PolicyLine { file: file.clone(), line, text: text.trim().to_owned() }, parts)
                },
            )
        })
    }
}
