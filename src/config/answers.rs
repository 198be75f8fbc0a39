//! `[answers]`: when they leave.

use super::InvalidConfig;
use crate::access::Slot;
use serde::Deserialize;
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswersFile {
    slot_ms: u64,
}

impl Default for AnswersFile {
    fn default() -> Self {
        Self { slot_ms: 25 }
    }
}

impl AnswersFile {
    /// A slot shorter than what an answer takes would hide nothing.
    pub(super) fn slot(&self) -> Result<Slot, InvalidConfig> {
        if (10..=1000).contains(&self.slot_ms) {
            Ok(Slot(Duration::from_millis(self.slot_ms)))
        } else {
            Err(InvalidConfig::Slot(self.slot_ms))
        }
    }
}
