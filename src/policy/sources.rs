//! Which sources may be given at intake: a source that conditions or other agreements name is not anybody's to give.

use super::{Agreement, InForce};

impl Agreement {
    /// Whether it names a source: for its intake, or in its condition.
    fn names_source(&self, name: &str) -> bool {
        let in_condition = self.condition.iter().flat_map(|condition| &condition.sources);
        self.sources.iter().chain(in_condition).any(|known| known == name)
    }
}

impl InForce {
    /// Whether records may come from that source under an agreement: one that it lists; where it lists none, one that no agreement names,
    /// in force or drafted.
    pub(crate) fn may_come_from(&self, agreement: &Agreement, name: &str) -> bool {
        if !agreement.sources.is_empty() {
            return agreement.sources.iter().any(|listed| listed == name);
        }
        let mut all = self.agreed.values().chain(self.policy.agreements());
        !all.any(|known| known.names_source(name))
    }
}
