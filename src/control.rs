//! What decisions depend on, as one version: the policy in force, the agreements as they were approved, and whose data may not be used. It changes as a whole, with an
//! entry and a control epoch of its own, and a decision made before a change is not recorded after it. What is in force stands in the
//! access log's database; every broker on that log follows it.

use crate::{
    access_log::{Appender, Entry, Reader, Receipt, SearchError, Unavailable},
    approval::{Act, DevelopmentApprovers, Histories, History},
    ids::AgreementId,
    policy::{Agreed, Agreement, InForce, InvalidPolicy, Policy, PolicyFiles},
    pseudonym::RestrictionName,
};
use arc_swap::ArcSwap;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::sleep};

/// What is in force, and the only way to change it.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Control {
    in_force: ArcSwap<InForce>,
    log: Appender,
    reader: Reader,
    approving: Approving,
    /// One change at a time: each is made of what was in force before it.
    turn: Mutex<()>,
}

/// How agreements are approved.
#[expect(missing_debug_implementations, reason = "may hold keys")]
pub struct Approving {
    /// The access log's name, which stands in every statement that an approver signs.
    pub log: String,
    /// Whatever is in the policy folder is approved by these, where that is allowed.
    pub development: Option<DevelopmentApprovers>,
}

/// A change of whether a subject's data may be used.
#[derive(Debug, Clone, Copy)]
pub struct Restriction {
    /// Whose.
    pub name: RestrictionName,
    /// Whether it is restricted from now on.
    pub restricted: bool,
}

/// What is in force is not known.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] SearchError),
    /// It cannot be put in force.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Another broker put a policy in force that this one does not understand.
    #[error("the policy in force: {0}")]
    Policy(#[from] InvalidPolicy),
    /// The archive does not have it, or another text.
    #[error("the policy in force is not in the archive")]
    NotArchived,
}

/// A change that another broker made is in force here after so long at the latest. Until then nothing is released under the version
/// before it: the entry could not be appended.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(1);

impl Control {
    /// Puts the policy of a start in force, unless it is already: an earlier start, or another broker, has done it then.
    pub async fn start(
        policy: Policy,
        log: Appender,
        reader: Reader,
        approving: Approving,
    ) -> Result<Self, ControlError> {
        let known = reader.in_force().await?;
        let epoch = known.as_ref().map_or(0, |known| known.epoch);
        let histories = histories(&reader, &policy, &approving.log, epoch).await?;
        let acts = approving.acts(&policy, &histories);
        if !acts.is_empty() || known.is_none_or(|known| known.files.as_deref() != Some(policy.files_version())) {
            log.put_in_force(&policy.version, policy.files_version(), policy.archive(), acts).await?;
        }
        let in_force = ArcSwap::from_pointee(InForce::nowhere(policy));
        let control = Self { in_force, log, reader, approving, turn: Mutex::new(()) };
        control.follow(None).await?;
        Ok(control)
    }

    /// What is in force now. A request holds it from beginning to end.
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Puts another policy in force.
    pub async fn put_in_force(&self, policy: Policy) -> Result<(), ControlError> {
        let _turn = self.turn.lock().await;
        let acts = self.approving.acts(&policy, &self.in_force().histories);
        self.log.put_in_force(&policy.version, policy.files_version(), policy.archive(), acts).await?;
        // A request that was decided before this and is recorded after it fails: its epoch is over.
        self.follow(Some(policy)).await
    }

    /// The name of the access log that approvers sign for.
    pub(crate) fn log_name(&self) -> &str {
        &self.approving.log
    }

    /// Records what an approver did; it counts when this returns.
    pub(crate) async fn act(&self, entry: Entry, act: Act) -> Result<Receipt, ControlError> {
        let _turn = self.turn.lock().await;
        let policy = self.in_force().policy.clone();
        let receipt = self.log.act(entry, &policy.version, policy.files_version(), act).await?;
        self.follow(None).await?;
        Ok(receipt)
    }

    /// A version of an agreement: as its file has it, or as it was kept.
    pub(crate) async fn version(
        &self,
        policy: &Policy,
        id: &AgreementId,
        version: &str,
    ) -> Result<Option<Arc<Agreement>>, ControlError> {
        if let Some(drafted) = policy.agreement(id.as_str()).filter(|drafted| drafted.version == version) {
            return Ok(Some(drafted.clone()));
        }
        let text = self.reader.archived(version, &format!("agreements/{id}")).await?;
        Ok(text.and_then(|text| policy.read_agreement(&text)).filter(|kept| kept.version == version).map(Arc::new))
    }

    /// Records a change of a restriction; it is in force when this returns.
    pub(crate) async fn restrict(&self, entry: Entry, restriction: Restriction) -> Result<Receipt, ControlError> {
        let _turn = self.turn.lock().await;
        let policy = self.in_force().policy.clone();
        let receipt = self.log.restrict(entry, &policy.version, policy.files_version(), restriction).await?;
        self.follow(None).await?;
        Ok(receipt)
    }

    /// Follows what other brokers put in force, for as long as it is polled.
    pub async fn keep_following(&self) {
        let mut epoch = self.log.epoch();
        loop {
            tokio::select! {
                moved = epoch.changed() => if moved.is_err() { return },
                () = sleep(FOLLOWS_WITHIN) => {}
            }
            let _turn = self.turn.lock().await;
            if let Err(error) = self.follow(None).await {
                tracing::warn!(%error, "what is in force is not known; nothing that depends on it is released");
                self.log.check();
            }
        }
    }

    /// Takes over what the database has; `offered` may be the policy that it names.
    async fn follow(&self, offered: Option<Policy>) -> Result<(), ControlError> {
        let before = self.in_force();
        let Some(now) = self.reader.in_force().await?.filter(|now| now.epoch != before.epoch) else { return Ok(()) };
        let files = now.files.ok_or(ControlError::NotArchived)?;
        let policy = match offered {
            Some(policy) if policy.files_version() == files => Arc::new(policy),
            _ if before.policy.files_version() == files => before.policy.clone(),
            _ => Arc::new(self.archived(&files).await?),
        };
        let restricted = Arc::new(self.reader.restricted(now.epoch).await?);
        // From the first on: who approves may be told otherwise by another policy.
        let histories = Arc::new(histories(&self.reader, &policy, &self.approving.log, now.epoch).await?);
        let agreed = self.agreed(&policy, &histories).await?;
        self.in_force.store(Arc::new(InForce { policy, agreed, histories, restricted, epoch: now.epoch }));
        Ok(())
    }

    /// The agreements in force: of each the last version that was approved, without what was withdrawn.
    async fn agreed(&self, policy: &Policy, histories: &Histories) -> Result<Agreed, ControlError> {
        let mut agreed = Agreed::new();
        for drafted in policy.agreements() {
            let id = &drafted.id;
            let approved = self.approved(policy, histories, id).await?;
            match &approved {
                None => tracing::warn!(agreement = %id, "an agreement is not approved, and not in force"),
                Some(approved) if approved.version != drafted.version => {
                    tracing::warn!(agreement = %id, "an agreement's file is not what was approved, which stays in force");
                }
                Some(_) => {}
            }
            let withdrawn: BTreeSet<_> = histories.withdrawn(id).collect();
            let in_force = match approved {
                Some(approved) if !withdrawn.is_empty() => {
                    approved.without(&withdrawn, &policy.catalogue).map(Arc::new)
                }
                approved => approved,
            };
            agreed.extend(in_force.map(|agreement| (id.to_string(), agreement)));
        }
        Ok(agreed)
    }

    /// The version of an agreement that its approvers agreed to last.
    pub(crate) async fn approved(
        &self,
        policy: &Policy,
        histories: &Histories,
        id: &AgreementId,
    ) -> Result<Option<Arc<Agreement>>, ControlError> {
        for proposal in histories.of_agreement(id).into_iter().flat_map(History::proposals) {
            // One that this policy does not understand is not in force under it.
            let Some(agreement) = self.version(policy, id, &proposal.version).await? else { continue };
            if agreement.requirements(&policy.catalogue).missing(proposal, &policy.approvers).is_empty() {
                return Ok(Some(agreement));
            }
        }
        Ok(None)
    }

    async fn archived(&self, version: &str) -> Result<Policy, ControlError> {
        let text = self.reader.archived(version, PolicyFiles::ARCHIVED_AS).await?.ok_or(ControlError::NotArchived)?;
        let policy = Policy::load(PolicyFiles::from_archive(&text).ok_or(ControlError::NotArchived)?).await?;
        // Who can write to the archive cannot put another text under a version.
        if policy.files_version() == version { Ok(policy) } else { Err(ControlError::NotArchived) }
    }
}

impl Approving {
    /// What approvers for development do about a policy's agreements.
    fn acts(&self, policy: &Policy, histories: &Histories) -> Vec<Act> {
        let Some(development) = &self.development else { return vec![] };
        let of = |drafted: &Arc<Agreement>| {
            let requirements = drafted.requirements(&policy.catalogue);
            let version = (&drafted.id, drafted.version.as_str());
            development.approve(version, &requirements, (&policy.approvers, histories), &self.log)
        };
        policy.agreements().flat_map(of).collect()
    }
}

async fn histories(reader: &Reader, policy: &Policy, log: &str, epoch: u64) -> Result<Histories, ControlError> {
    let mut histories = Histories::default();
    for act in reader.acts(0, epoch).await? {
        histories.add(act, &policy.approvers, log);
    }
    Ok(histories)
}
