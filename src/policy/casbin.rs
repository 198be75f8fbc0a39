//! The only file that touches Casbin: it is built from checked lines, asked, and never changed.
//!
//! Casbin is open by default in several ways: it skips lines it does not know, takes an effect it does not know for none, allows
//! an empty request under an empty policy. So it gets exact matches only, lines that `rules` has checked, and requests made of
//! names of closed lists; and what it says counts only after the rules in Rust have had their say.

use super::rules::{Act, Rules};
use crate::dataset::{Catalogue, Level};
use ::casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter};

/// The judge of one purpose.
pub(super) struct Judge(Enforcer);

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

impl Judge {
    /// Builds the judge of one purpose from the lines of that purpose and the categories of the catalogue.
    pub(super) async fn of(purpose: &str, rules: &Rules, catalogue: &Catalogue) -> Result<Self, CasbinError> {
        let mut enforcer = Enforcer::new_raw(DefaultModel::from_str(MODEL).await?, MemoryAdapter::default()).await?;
        let model = enforcer.get_mut_model();
        let mut add = |section: &str, tag: &str, line: Vec<String>| {
            // False means that the line is there already: two lines may come to the same once denials are spelled out.
            model.add_policy(section, tag, line);
        };
        for line in rules.permissions.iter().filter(|permission| permission.purpose == purpose) {
            for act in spelled_out(line.act, line.allow) {
                let effect = if line.allow { "allow" } else { "deny" };
                add(
                    "p",
                    "p",
                    [line.role.as_str(), purpose, &line.object, act.as_str(), effect].map(str::to_owned).to_vec(),
                );
            }
        }
        for (role, parent) in &rules.inheritance {
            add("g", "g", vec![role.clone(), parent.clone()]);
        }
        for (_, field) in catalogue.fields() {
            add("g", "g2", vec![field.name.clone(), format!("category:{}", field.category)]);
        }
        enforcer.build_role_links()?;
        Ok(Self(enforcer))
    }

    /// What Casbin says. Every part of the question must be a name of a closed list.
    pub(super) fn allows(&self, role: &str, purpose: &str, object: &str, act: Act) -> Result<bool, CasbinError> {
        Ok(self.0.enforce((role, purpose, object, act.as_str()))?)
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
