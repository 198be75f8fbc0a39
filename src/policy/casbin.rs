//! The only file that touches Casbin: it is built from checked lines, asked, and never changed.
//!
//! Casbin is open by default in several ways: it skips lines it does not know, takes an effect it does not know for none, allows
//! an empty request under an empty policy. So it gets exact matches only, lines that `rules` has checked, and requests made of
//! names of closed lists; and what it says counts only after the rules in Rust have had their say.

use super::{
    rules::{Act, Permission},
    shard::Shard,
};
use crate::dataset::Level;
use ::casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter};
use std::collections::HashSet;

/// The judge of what a role may do with some objects for a purpose.
pub(super) struct Judge<'a> {
    enforcer: Enforcer,
    role: &'a str,
    purpose: &'a str,
    acts: HashSet<Act>,
}

/// The model, read once: that takes longer than the rest of a judge.
pub(super) struct Model(DefaultModel);

/// Casbin could not be built or asked.
#[derive(Debug, thiserror::Error)]
pub enum CasbinError {
    /// Its own words.
    #[error("casbin: {0}")]
    Casbin(#[from] ::casbin::Error),
    /// A line it did not take.
    #[error("casbin did not take a line that was checked")]
    NotTaken,
    /// The model is not the one this broker was made for.
    #[error("model.conf is not the model that this broker was made for")]
    Model,
}

/// The model that the compiled table stands on. A deployment has it as a file, to be read; another model is refused.
pub const MODEL: &str = include_str!("../../policies/model.conf");

impl Model {
    pub(super) async fn read() -> Result<Self, CasbinError> {
        Ok(Self(DefaultModel::from_str(MODEL).await?))
    }
}

impl<'a> Judge<'a> {
    /// Builds the judge of the objects that these lines name, and of those that belong to a category. Without a line there is
    /// none: an empty Casbin can allow.
    pub(super) async fn of(
        model: &Model,
        shard: &Shard<'a>,
        lines: impl Iterator<Item = &Permission>,
        categories: impl Iterator<Item = (&str, &str)>,
    ) -> Result<Option<Self>, CasbinError> {
        let mut lines = lines.peekable();
        if lines.peek().is_none() {
            return Ok(None);
        }
        let mut enforcer = Enforcer::new_raw(model.0.clone(), MemoryAdapter::default()).await?;
        let model = enforcer.get_mut_model();
        let mut add = |section: &str, tag: &str, line: &[&str]| {
            // False means that the line is there already: two lines may come to the same once denials are spelled out.
            model.add_policy(section, tag, line.iter().map(|part| (*part).to_owned()).collect());
        };
        let mut acts = HashSet::new();
        for line in lines {
            for act in spelled_out(line.act, line.allow) {
                let effect = if line.allow { "allow" } else { "deny" };
                add("p", "p", &[&line.role, &line.purpose, &line.object, act.as_str(), effect]);
                acts.insert(act);
            }
        }
        for (role, parent) in &shard.inheritance {
            add("g", "g", &[role, parent]);
        }
        for (object, category) in categories {
            add("g", "g2", &[object, category]);
        }
        enforcer.build_role_links()?;
        Ok(Some(Self { enforcer, role: shard.role, purpose: shard.purpose, acts }))
    }

    /// What Casbin says. The object must be a name of a closed list, as every other part of the question is.
    pub(super) fn allows(&self, object: &str, act: Act) -> Result<bool, CasbinError> {
        // What no line is about nobody allows: no need to ask.
        Ok(self.acts.contains(&act) && self.enforcer.enforce((self.role, self.purpose, object, act.as_str()))?)
    }
}

/// Refuses any model but ours. Blank lines and line ends do not count.
pub(super) fn check_model(text: &str) -> Result<(), CasbinError> {
    let lines =
        |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    if lines(text) == lines(MODEL) { Ok(()) } else { Err(CasbinError::Model) }
}

/// A denial at a level denies every more revealing one too; an allowance is for its own level.
fn spelled_out(act: Act, allow: bool) -> Vec<Act> {
    match act {
        Act::Show(level) if !allow => Level::SHOWN.into_iter().filter(|shown| *shown >= level).map(Act::Show).collect(),
        _ => vec![act],
    }
}
