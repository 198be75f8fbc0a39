//! Drafts: agreements that have no days yet. The reference agreements are such; whoever lays out a deployment, or looks at a draft, gives
//! them the days from one on, so that nothing that is shipped ends on a fixed day.

use super::PolicyFiles;
use jiff::{ToSpan, civil::Date};

/// How a draft says when it is in force.
const DRAFT: &str = "valid = \"draft\"";

/// Whether a text is a draft.
pub(super) fn is_draft(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(DRAFT))
}

/// An agreement's text in which a draft is in force from that day on for a year, and is to be reviewed after eleven months. A text with
/// days of its own stays as it is.
pub fn dated(text: &str, from: Date) -> String {
    let (until, review) = (from.saturating_add(1.year()), from.saturating_add(11.months()));
    let valid = format!("valid = {{ from = {from}, until = {until}, review = {review} }}\n");
    text.split_inclusive('\n').map(|line| if line.starts_with(DRAFT) { valid.as_str() } else { line }).collect()
}

impl PolicyFiles {
    /// How many agreements are drafts.
    pub fn drafts(&self) -> usize {
        self.agreements.values().filter(|text| is_draft(text)).count()
    }

    /// The same files, whose drafts are in force from that day on.
    pub fn dated(mut self, from: Date) -> Self {
        for text in self.agreements.values_mut() {
            *text = dated(text, from);
        }
        self
    }
}
