//! Where approvers act: what they do is checked, recorded, and in force when they are told so.

use super::{Act, Deed, Matter, NotDone, NotNow, Requirements, denial, entitled};
use crate::{
    access::Invalid,
    access_log::{Appender, Entry, Receipt, digest},
    clock::{Clock, today},
    control::Control,
    identity::Caller,
    ids::{ApproverId, DatasetId},
    policy::{self, Agreement, InForce, Terms},
};
use jiff::{civil::Date, tz::TimeZone};
use std::sync::Arc;

/// What keeps track of approvals.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Register {
    /// What is in force, which an act changes.
    pub(crate) control: Arc<Control>,
    /// The access log.
    pub(crate) log: Appender,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The island's time zone.
    pub(crate) zone: TimeZone,
}

/// An act as it was asked for.
#[derive(Debug)]
pub struct Asked {
    /// About what.
    pub matter: Matter,
    /// In which place.
    pub number: u64,
    /// What.
    pub deed: Deed,
    /// Why.
    pub reason: String,
    /// Signed.
    pub signature: [u8; 64],
}

/// Where an agreement stands.
#[derive(Debug)]
pub struct Shown {
    /// What is in force, from which the rest was read.
    pub in_force: Arc<InForce>,
    /// The version that is approved.
    pub approved: Option<Arc<Agreement>>,
    /// The version of the policy folder.
    pub drafted: Option<Arc<Agreement>>,
    /// What the last proposal lacks.
    pub missing: Vec<String>,
    /// The version whose text was asked for.
    pub text: Option<Arc<Agreement>>,
    /// Who asks, as an approver.
    pub approver: ApproverId,
    /// The day.
    pub today: Date,
}

const REASON: Invalid = Invalid::of("reason", "one line of 1 to 500 characters, without a subject identifier");
const AGREEMENT: Invalid = Invalid::of("agreement", "an agreement of the policy folder");
const OF_POLICY: Invalid = Invalid::of("deed", "`propose`, `approve` or `see`: a policy is replaced by another one");
const DATASET: Invalid = Invalid::of("dataset", "a dataset of the catalogue, for `withdraw` and `restore`");
const OWN_GATE: Invalid = Invalid::of(
    "version",
    "one by which no party of an agreement may put in what that agreement's condition looks at; `disownctl policy check` names both",
);
const VERSION: Invalid =
    Invalid::of("version", "SHA-256 of a text that the broker has: it reads its policy folder on SIGHUP");

impl Register {
    /// Records an act; when this returns it counts, on every broker from its entry on.
    pub async fn act(&self, caller: &Caller, asked: Asked, trace: &str) -> Result<Receipt, NotDone> {
        let in_force = self.control.in_force();
        let terms = about(&asked.matter);
        let denied = || NotDone::from(denial(&in_force, caller, &terms, trace));
        let approver = entitled(&in_force, caller, today(&*self.clock, &self.zone), |_| true).ok_or_else(denied)?;
        if !Act::is_reason(&asked.reason) || in_force.policy.catalogue.holds_identifier(&asked.reason) {
            return Err(NotDone::Invalid(REASON));
        }
        let requirements = self.requirements(&in_force, &asked.matter, &asked.deed).await?;
        let Asked { matter, number, deed, reason, signature } = asked;
        let act = Act { matter, number, deed, approver: approver.id.clone(), reason, signature };
        match in_force.histories.permit(&act, approver, requirements.as_ref(), &self.control.archive.log) {
            Ok(()) => {}
            Err(NotNow::NoSay) => return Err(denied()),
            Err(not_now) => return Err(NotDone::Invalid(not_now.into())),
        }
        self.check_gates(&in_force, &act).await?;
        let who = policy::known_names(&in_force, caller, &terms, trace);
        let entry = Entry::administered(act.to_string(), who, policy::versions(&in_force));
        let entry = entry.acting(&in_force.policy.version, in_force.policy.files_version(), act);
        Ok(self.control.record(Arc::new(entry), digest(&[])).await?)
    }

    /// Where an agreement or a dataset stands. The text of a version, or that of the one that matters most.
    pub async fn show(
        &self,
        caller: &Caller,
        matter: &Matter,
        version: Option<&str>,
        trace: &str,
    ) -> Result<Shown, NotDone> {
        let in_force = self.control.in_force();
        let denied = || NotDone::from(denial(&in_force, caller, &about(matter), trace));
        let today = today(&*self.clock, &self.zone);
        let approver = entitled(&in_force, caller, today, |_| true).ok_or_else(denied)?.id.clone();
        let Matter::Agreement(id) = matter else {
            let (approved, drafted, text) = (None, None, None);
            let proposal = in_force.histories.of(matter).and_then(|history| history.proposals().next());
            let requirements = (*matter == Matter::Policy).then(|| in_force.policy.requirements());
            let missing = requirements
                .zip(proposal)
                .map_or(vec![], |(known, proposal)| known.missing(proposal, &in_force.policy.approvers));
            return Ok(Shown { in_force, approved, drafted, missing, text, approver, today });
        };
        let policy = &in_force.policy;
        let drafted = Some(policy.agreement(id.as_str()).cloned().ok_or(NotDone::Invalid(AGREEMENT))?);
        let approved = self.control.archive.approved(policy, &in_force.histories, id).await?;
        let history = in_force.histories.of_agreement(id);
        let (mut missing, mut proposed) = (vec![], None);
        if let Some(proposal) = history.and_then(|history| history.proposals().next()) {
            proposed = self.control.archive.version(policy, id, &proposal.version).await?;
            let requirements = proposed.as_ref().map(|known| known.requirements(&policy.catalogue));
            missing = requirements.map_or(vec![], |known| known.missing(proposal, &policy.approvers));
        }
        let text = match version {
            Some(version) => {
                Some(self.control.archive.version(policy, id, version).await?.ok_or(NotDone::Invalid(VERSION))?)
            }
            None => approved.clone().or(proposed).or(drafted.clone()),
        };
        Ok(Shown { approved, drafted, missing, text, approver, today, in_force })
    }

    /// A version that would let somebody bring about what opens data to them, beside what is in force, is neither proposed nor approved.
    async fn check_gates(&self, in_force: &InForce, act: &Act) -> Result<(), NotDone> {
        let (Matter::Agreement(id), Deed::Propose(version) | Deed::Approve(version)) = (&act.matter, &act.deed) else {
            return Ok(());
        };
        let policy = &in_force.policy;
        let Some(meant) = self.control.archive.version(policy, id, version).await? else { return Ok(()) };
        let mut agreed = in_force.agreed.clone();
        agreed.insert(id.to_string(), meant);
        let own = |name: &String| name == id.as_str();
        match policy.own_gates(&agreed).iter().any(|gate| own(&gate.agreement) || own(&gate.intake)) {
            true => Err(NotDone::Invalid(OWN_GATE)),
            false => Ok(()),
        }
    }

    /// Those of the version that is meant, or of the agreement as it stands; none for a dataset.
    async fn requirements(
        &self,
        in_force: &InForce,
        matter: &Matter,
        deed: &Deed,
    ) -> Result<Option<Requirements>, NotDone> {
        let policy = &in_force.policy;
        let is_dataset = |id: &str| policy.catalogue.dataset_named(id).is_some();
        if let Deed::Withdraw(dataset) | Deed::Restore(dataset) = deed
            && !(is_dataset(dataset.as_str()) && of_one_dataset(matter).is_none_or(|only| only == dataset))
        {
            return Err(NotDone::Invalid(DATASET));
        }
        if *matter == Matter::Policy {
            let is_of_version = matches!(deed, Deed::Propose(_) | Deed::Approve(_) | Deed::See(_));
            return if is_of_version { Ok(Some(policy.requirements())) } else { Err(NotDone::Invalid(OF_POLICY)) };
        }
        let Matter::Agreement(id) = matter else {
            let takes_or_gives = matches!(deed, Deed::Withdraw(_) | Deed::Restore(_));
            return if takes_or_gives { Ok(None) } else { Err(NotDone::Invalid(AGREEMENT)) };
        };
        let drafted = policy.agreement(id.as_str()).ok_or(NotDone::Invalid(AGREEMENT))?.clone();
        let meant = match deed {
            Deed::Propose(version) | Deed::Approve(version) | Deed::See(version) => {
                self.control.archive.version(policy, id, version).await?.ok_or(NotDone::Invalid(VERSION))?
            }
            _ => self.control.archive.approved(policy, &in_force.histories, id).await?.unwrap_or(drafted),
        };
        Ok(Some(meant.requirements(&policy.catalogue)))
    }
}

impl From<NotNow> for Invalid {
    fn from(not_now: NotNow) -> Self {
        match not_now {
            NotNow::Number => {
                Invalid::of("number", "the number of the next act: another one was first, look at it again")
            }
            NotNow::Signature => {
                Invalid::of("signature", "the approver's own, of exactly this act for this access log")
            }
            NotNow::Terminated => Invalid::of("agreement", "one that is not terminated"),
            NotNow::Version => Invalid::of("version", "the one that is proposed"),
            NotNow::Already | NotNow::NoSay => Invalid::of("deed", "one that has not been done already"),
        }
    }
}

fn of_one_dataset(matter: &Matter) -> Option<&DatasetId> {
    match matter {
        Matter::Dataset(only) => Some(only),
        Matter::Agreement(_) | Matter::Policy => None,
    }
}

/// The terms of an act, for its entry: it stands under none, and is about an agreement.
fn about(matter: &Matter) -> Terms {
    let agreement = match matter {
        Matter::Agreement(id) => id.to_string(),
        Matter::Dataset(_) | Matter::Policy => String::new(),
    };
    Terms { agreement, ..Terms::default() }
}
