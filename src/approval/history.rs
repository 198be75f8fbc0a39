//! What has been done about an agreement, and what that comes to.

use super::{
    act::{Act, Deed, Matter},
    approver::{Approver, Approvers},
};
use crate::ids::{AgreementId, ApproverId, DatasetId, OrganisationId};
use std::collections::{BTreeMap, BTreeSet};

/// All acts there are, and what they come to, by what they are about.
#[derive(Debug, Clone, Default)]
pub struct Histories(BTreeMap<Matter, History>);

/// What has been done about one matter.
#[derive(Debug, Clone, Default)]
pub struct History {
    acts: Vec<Act>,
    proposals: Vec<Proposal>,
    suspended: bool,
    terminated: bool,
    withdrawn: BTreeSet<DatasetId>,
}

/// A version that was proposed, and who agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Which.
    pub version: String,
    /// Who approved it.
    pub approved: BTreeSet<ApproverId>,
    /// Which regulators have seen it.
    pub seen: BTreeSet<ApproverId>,
}

/// Who has to agree to a version, by what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// Two people of these, of two parties where there are several.
    pub parties: Vec<OrganisationId>,
    /// The owner of each.
    pub datasets: BTreeSet<DatasetId>,
    /// The regulator has to have seen it.
    pub seen_by_regulator: bool,
}

/// Where an agreement stands, time aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has proposed it.
    Draft,
    /// It waits for approvals, and no version of it is in force.
    Proposed,
    /// A version of it is approved.
    Approved,
    /// Taken out of force until it is approved anew.
    Suspended,
    /// Taken out of force for ever.
    Terminated,
}

impl Standing {
    /// As it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Draft => "draft",
            Standing::Proposed => "proposed",
            Standing::Approved => "approved",
            Standing::Suspended => "suspended",
            Standing::Terminated => "terminated",
        }
    }
}

/// An act that cannot be done as things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// Somebody was first, or it was signed for another place.
    #[error("is not the number of the next act: look at it again")]
    Number,
    /// No key, or a signature of something else.
    #[error("is not the approver's signature of exactly this")]
    Signature,
    /// Its time as an approver is over, or it has no say in this.
    #[error("the approver has no say in this")]
    NoSay,
    /// The agreement is over.
    #[error("the agreement is terminated")]
    Terminated,
    /// Another version, or none, is proposed.
    #[error("is not the version that is proposed")]
    Version,
    /// It would change nothing.
    #[error("has been done already")]
    Already,
}

impl Requirements {
    /// Whether somebody's approval could count.
    fn heeds(&self, approver: &Approver) -> bool {
        approver.data_protection_officer || self.is_party(approver) || self.is_owner(approver)
    }

    fn is_party(&self, approver: &Approver) -> bool {
        approver.party && self.parties.contains(&approver.organisation)
    }

    fn is_owner(&self, approver: &Approver) -> bool {
        approver.owner_of.iter().any(|dataset| self.datasets.contains(dataset))
    }

    /// What a proposal lacks, in words; nothing: it is approved.
    pub fn missing(&self, proposal: &Proposal, approvers: &Approvers) -> Vec<String> {
        let approved: Vec<_> = proposal.approved.iter().filter_map(|id| approvers.get(id)).collect();
        let people: Vec<_> = approved.iter().filter(|one| self.is_party(one)).collect();
        let organisations: BTreeSet<_> = people.iter().map(|one| &one.organisation).collect();
        let mut missing = Vec::new();
        match people.len() {
            0 => missing.push("the approval of two people of its parties".to_owned()),
            1 => missing.push("the approval of a second person of its parties".to_owned()),
            _ if self.parties.len() > 1 && organisations.len() < 2 => {
                missing.push("the approval of a second party".to_owned());
            }
            _ => {}
        }
        for dataset in &self.datasets {
            if !approved.iter().any(|one| one.owner_of.contains(dataset)) {
                missing.push(format!("the approval of the owner of `{dataset}`"));
            }
        }
        if !approved.iter().any(|one| one.data_protection_officer) {
            missing.push("the approval of the data protection officer".to_owned());
        }
        let regulator = |id: &ApproverId| approvers.get(id).is_some_and(|one| one.regulator);
        if self.seen_by_regulator && !proposal.seen.iter().any(regulator) {
            missing.push("that the regulator has seen it".to_owned());
        }
        missing
    }
}

impl Histories {
    /// Adds an act as it stands in the store. What gives leave counts only where its approver's key signed it: who can write to the store
    /// alone cannot put anything in force. Nor can one approver together with the store give what another one took: that it is there
    /// does not mean that it was permitted.
    pub fn add(&mut self, act: Act, approvers: &Approvers, log: &str) {
        let may_give = |approver: &Approver| match &act.deed {
            Deed::Restore(dataset) => approver.owner_of.contains(dataset),
            _ => true,
        };
        let approver = approvers.get(&act.approver).filter(|approver| may_give(approver));
        let signed = approver.and_then(|one| one.key).is_some_and(|key| act.is_signed_by(&key, log));
        let counts = act.deed.only_takes_away() || signed;
        let history = self.0.entry(act.matter.clone()).or_default();
        if counts && act.number == history.next() {
            history.apply(&act);
        } else {
            tracing::error!(matter = %act.matter, number = act.number, "an act of an approver does not hold");
        }
        history.acts.push(act);
    }

    /// The same acts, as far as they hold by other approvers.
    pub(crate) fn under(&self, approvers: &Approvers, log: &str) -> Self {
        let mut histories = Self::default();
        for act in self.0.values().flat_map(|history| &history.acts) {
            histories.add(act.clone(), approvers, log);
        }
        histories
    }

    /// Of one matter.
    pub fn of(&self, matter: &Matter) -> Option<&History> {
        self.0.get(matter)
    }

    /// Of an agreement.
    pub fn of_agreement(&self, id: &AgreementId) -> Option<&History> {
        self.of(&Matter::Agreement(id.clone()))
    }

    /// The version of the policy that was approved last; none: nobody approved any. One that was approved before it is over: an older policy
    /// comes back by being approved anew.
    pub fn approved_policy(&self, requirements: &Requirements, approvers: &Approvers) -> Option<&str> {
        let proposals = self.of(&Matter::Policy).into_iter().flat_map(History::proposals);
        let approved = |proposal: &&Proposal| requirements.missing(proposal, approvers).is_empty();
        proposals.into_iter().find(approved).map(|proposal| proposal.version.as_str())
    }

    /// The number of the next act about a matter.
    pub fn next(&self, matter: &Matter) -> u64 {
        self.of(matter).map_or(1, History::next)
    }

    /// Datasets that may not be used under an agreement.
    pub fn withdrawn<'a>(&'a self, id: &AgreementId) -> impl Iterator<Item = &'a DatasetId> {
        let of_all =
            self.0.iter().filter(|(matter, _)| matches!(matter, Matter::Dataset(_))).map(|(_, history)| history);
        of_all.chain(self.of_agreement(id)).flat_map(|history| &history.withdrawn)
    }

    /// Whether an act can be done now, by that approver; `requirements` are those of the version that it is about, or of the agreement as it
    /// stands. None for a matter that is a dataset.
    pub fn permit(
        &self,
        act: &Act,
        approver: &Approver,
        requirements: Option<&Requirements>,
        log: &str,
    ) -> Result<(), NotNow> {
        let nothing = History::default();
        let history = self.of(&act.matter).unwrap_or(&nothing);
        if act.number != history.next() {
            return Err(NotNow::Number);
        }
        if !approver.key.is_some_and(|key| act.is_signed_by(&key, log)) {
            return Err(NotNow::Signature);
        }
        history.permit(act, approver, requirements)
    }
}

impl History {
    /// Whether it was ever taken out of force.
    pub fn was_stopped(&self) -> bool {
        self.suspended || self.terminated
    }

    /// In the order in which they were done.
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// The number of the next act: after all that stand in the store, whoever wrote them.
    pub fn next(&self) -> u64 {
        self.acts.iter().map(|act| act.number).max().unwrap_or(0).saturating_add(1)
    }

    /// What was proposed since it was last taken out of force, the latest first.
    pub fn proposals(&self) -> impl Iterator<Item = &Proposal> {
        self.proposals.iter().rev()
    }

    /// Datasets that it takes out of use.
    pub fn withdrawn(&self) -> impl Iterator<Item = &DatasetId> {
        self.withdrawn.iter()
    }

    /// Where it stands, if a version of it is approved or none is.
    pub fn standing(&self, approved: bool) -> Standing {
        match (self.terminated, approved, self.proposals.is_empty(), self.suspended) {
            (true, ..) => Standing::Terminated,
            (_, true, ..) => Standing::Approved,
            (_, _, false, _) => Standing::Proposed,
            (_, _, _, true) => Standing::Suspended,
            _ => Standing::Draft,
        }
    }

    fn permit(&self, act: &Act, approver: &Approver, requirements: Option<&Requirements>) -> Result<(), NotNow> {
        let heeded = requirements.is_some_and(|requirements| requirements.heeds(approver));
        let latest = self.proposals.last();
        let open = |version: &str| latest.filter(|proposal| proposal.version == version).ok_or(NotNow::Version);
        let may = match &act.deed {
            _ if self.terminated => return Err(NotNow::Terminated),
            Deed::Propose(version) => {
                if latest.is_some_and(|proposal| proposal.version == *version) {
                    return Err(NotNow::Already);
                }
                heeded
            }
            Deed::Approve(version) => {
                if open(version)?.approved.contains(&approver.id) {
                    return Err(NotNow::Already);
                }
                heeded
            }
            Deed::See(version) => {
                if open(version)?.seen.contains(&approver.id) {
                    return Err(NotNow::Already);
                }
                approver.regulator
            }
            Deed::Suspend if self.proposals.is_empty() => return Err(NotNow::Already),
            Deed::Suspend => heeded || approver.regulator,
            Deed::Terminate => {
                approver.data_protection_officer || requirements.is_some_and(|known| known.is_party(approver))
            }
            Deed::Withdraw(dataset) | Deed::Restore(dataset) => {
                if self.withdrawn.contains(dataset) == matches!(act.deed, Deed::Withdraw(_)) {
                    return Err(NotNow::Already);
                }
                approver.owner_of.contains(dataset)
            }
        };
        if may { Ok(()) } else { Err(NotNow::NoSay) }
    }

    fn apply(&mut self, act: &Act) {
        match &act.deed {
            // For ever, whatever was signed since.
            Deed::Propose(_) if self.terminated => {}
            Deed::Propose(version) => {
                let (approved, seen) = (BTreeSet::new(), BTreeSet::new());
                self.proposals.push(Proposal { version: version.clone(), approved, seen });
            }
            Deed::Approve(version) => {
                self.latest(version).map(|proposal| proposal.approved.insert(act.approver.clone()));
            }
            Deed::See(version) => {
                self.latest(version).map(|proposal| proposal.seen.insert(act.approver.clone()));
            }
            // What was agreed before is no longer agreed.
            Deed::Suspend => {
                self.suspended = true;
                self.proposals.clear();
            }
            Deed::Terminate => {
                self.terminated = true;
                self.proposals.clear();
            }
            Deed::Withdraw(dataset) => {
                self.withdrawn.insert(dataset.clone());
            }
            Deed::Restore(dataset) => {
                self.withdrawn.remove(dataset);
            }
        }
    }

    fn latest(&mut self, version: &str) -> Option<&mut Proposal> {
        self.proposals.last_mut().filter(|proposal| proposal.version == version)
    }
}
