//! What an agreement opens to somebody who breaks glass: for vital interests, for a short time, reviewed afterwards.

use super::Agreement;
use crate::{
    dataset::{Level, catalogue::FieldId},
    ids::Role,
};
use indexmap::IndexSet;
use std::collections::BTreeMap;

/// The clause `[break_glass]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// Which of the agreement's roles may.
    pub roles: IndexSet<Role>,
    /// For how long.
    pub minutes: u16,
    /// How old a token may be, in seconds: whoever asks has just shown who it is.
    pub fresh_seconds: u16,
    /// The highest level of each field meanwhile, whatever policy lines say. Hard rules and red lines stay.
    pub fields: BTreeMap<FieldId, Level>,
}

impl Emergency {
    /// What is wrong with it, if anything.
    pub(super) fn check(&self, roles: &IndexSet<Role>) -> Result<(), &'static str> {
        if self.roles.is_empty() || !self.roles.iter().all(|role| roles.contains(role)) {
            Err("its `roles` are roles of the agreement, one at least")
        } else if !(1..=1440).contains(&self.minutes) {
            Err("its `minutes` are 1 to 1440")
        } else if !(1..=600).contains(&self.fresh_seconds) {
            Err("its `fresh_seconds` are 1 to 600")
        } else if self.fields.is_empty() {
            Err("its `fields` are needed: without one nothing is opened")
        } else {
            Ok(())
        }
    }
}

impl Agreement {
    /// The clause, where it is for that role.
    pub fn emergency_of(&self, role: &Role) -> Option<&Emergency> {
        self.break_glass.as_ref().filter(|clause| clause.roles.contains(role))
    }
}
