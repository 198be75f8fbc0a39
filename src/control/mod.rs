//! What decisions depend on, as one version: the policy in force, the agreements as they were approved, and whose data may not be used. It
//! changes as a whole, with an entry and a control epoch of its own, and a decision made before a change is not recorded after it. What is
//! in force stands in the access log's database, each epoch sealed over the one before; every broker on that log follows it.

mod archive;
mod event;

pub use archive::Archive;
pub use event::{About, Event};

use crate::{
    access_log::{Appender, Entry, Reader, Receipt, SearchError, Unavailable, merkle::Hash},
    approval::{Act, DevelopmentApprovers, Histories},
    clock::{Clock, today},
    policy::{Agreement, InForce, InvalidPolicy, Policy},
    pseudonym::Keyring,
    readiness::{Obstacle, Readiness},
};
use arc_swap::ArcSwap;
use jiff::{civil::Date, tz::TimeZone};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Mutex, time::sleep};

/// What is in force, and the only way to change it.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Control {
    in_force: ArcSwap<InForce>,
    log: Appender,
    /// What was in force, and is.
    pub(crate) archive: Archive,
    approving: Approving,
    /// Whether the stores fit what is in force.
    readiness: Arc<Readiness>,
    /// The last epoch that was not taken over: its policy need not be compiled again to find that out.
    not_taken_over: AtomicU64,
    /// One change at a time: each is made of what was in force before it.
    turn: Mutex<()>,
}

/// How agreements are approved.
#[expect(missing_debug_implementations, reason = "may hold keys")]
pub struct Approving {
    /// The keys, by which it is known that a broker recorded a warrant.
    pub keyring: Arc<Keyring>,
    /// The access log's name, which stands in every statement that an approver signs.
    pub log: String,
    /// The time, and the island's time zone: reviews are due on its days.
    pub clock: Arc<dyn Clock>,
    /// The island's.
    pub zone: TimeZone,
    /// Whatever is in the policy folder is approved by these, where that is allowed.
    pub development: Option<DevelopmentApprovers>,
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
    /// Those who have to agree to a policy have not.
    #[error("the policy of the folder is not approved (version {0}); `disownctl policy propose` and `approve` do that")]
    NotApproved(String),
    /// Nobody could approve the policy after it.
    #[error(
        "the policy of the folder would be the last one: no approver with a key, whose time is not over, could give {0}. Each of them makes a \
         key with `disownctl agreement key FILE`; what that prints goes into `approvers.toml`"
    )]
    LastPolicy(String),
    /// Something stands in the database that no broker recorded, or is no longer there.
    #[error(
        "control epoch {0} is not as a broker recorded it: the access log's database was altered by somebody else. `disownctl log replay` tells \
         what was decided otherwise; restore a copy that is whole"
    )]
    Altered(u64),
    /// Another broker put another catalogue in force than the stores were opened with.
    #[error("{}", Obstacle::Catalogue)]
    OtherCatalogue,
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
        readiness: Arc<Readiness>,
    ) -> Result<Self, ControlError> {
        let archive = Archive { reader, log: approving.log.clone(), keyring: Some(approving.keyring.clone()) };
        let mut tried = None;
        loop {
            let recorded = archive.recorded().await?;
            let epoch = recorded.as_ref().map_or(0, |recorded| recorded.epoch);
            let histories = recorded.as_ref().map(|recorded| recorded.histories(&policy, &archive.log));
            let acts = approving.acts(&policy, &histories.unwrap_or_default());
            if acts.is_empty() && recorded.is_some_and(|recorded| recorded.files == policy.files_version()) {
                break;
            }
            match log.put_in_force(epoch, policy.opening(acts)).await {
                // Another broker was first, and may have done just that.
                Err(Unavailable::EpochMoved) if tried != Some(epoch) => tried = Some(epoch),
                put => break put?,
            }
        }
        let in_force = ArcSwap::from_pointee(InForce::nowhere(policy));
        let control = Self {
            in_force,
            log,
            archive,
            approving,
            readiness,
            not_taken_over: AtomicU64::new(0),
            turn: Mutex::new(()),
        };
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
        let mut tried = None;
        loop {
            let now = self.in_force();
            if self.approving.development.is_none() {
                if !may_follow(&now.policy, &now.histories, &policy) {
                    return Err(ControlError::NotApproved(policy.version));
                }
                can_be_amended(&policy, self.approving.today())?;
            }
            let acts = self.approving.acts(&policy, &now.histories);
            match self.log.put_in_force(now.epoch(), policy.opening(acts)).await {
                Err(Unavailable::EpochMoved) if tried != Some(now.epoch()) => {
                    tried = Some(now.epoch());
                    self.follow(None).await?;
                }
                put => break put?,
            }
        }
        // A request that was decided before this and is recorded after it fails: its epoch is over.
        self.follow(Some(policy)).await
    }

    /// Appends an entry that covers bytes of that digest. What it changes is in force here when this returns.
    pub(crate) async fn record(&self, entry: Arc<Entry>, covers: Hash) -> Result<Receipt, ControlError> {
        if !entry.changes_what_is_in_force() {
            return Ok(self.log.append(entry, covers).await?);
        }
        let _turn = self.turn.lock().await;
        let receipt = self.log.append(entry, covers).await?;
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
            let followed = self.follow(None).await;
            if let Err(error) = followed
                && !matches!(error, ControlError::OtherCatalogue)
            {
                tracing::warn!(%error, "what is in force is not known; nothing that depends on it is released");
                self.log.check();
            }
        }
    }

    /// Takes over what the database has; `offered` may be the policy that it names.
    ///
    /// INVARIANT (fail-closed): the stores were opened with one catalogue, and columns have their places by it. What is in force with
    /// another is not taken over; what was decided before it is stale, so nothing can be recorded and nothing is released.
    async fn follow(&self, offered: Option<Policy>) -> Result<(), ControlError> {
        let before = self.in_force();
        let not_taken_over = self.not_taken_over.load(Ordering::Relaxed);
        if not_taken_over > 0
            && self.archive.reader.in_force(None).await?.is_some_and(|now| now.epoch == not_taken_over)
        {
            return Err(ControlError::OtherCatalogue);
        }
        if let Some(now) = self.archive.in_force(None, Some(&before), offered).await? {
            if !now.policy.has_catalogue_of(&before.policy) {
                self.not_taken_over.store(now.epoch(), Ordering::Relaxed);
                self.readiness.lost(Obstacle::Catalogue);
                return Err(ControlError::OtherCatalogue);
            }
            self.readiness.regained(&Obstacle::Catalogue);
            if !Arc::ptr_eq(&now.histories, &before.histories) {
                now.tell(self.approving.today());
            }
            self.log.go_by(&now.policy.catalogue);
            self.in_force.store(Arc::new(now));
        }
        Ok(())
    }
}

/// Whether there could be a policy after this one: those who would have to approve it can.
fn can_be_amended(policy: &Policy, today: Date) -> Result<(), ControlError> {
    let lacks = policy.lacks_approvers_on(today);
    if lacks.is_empty() { Ok(()) } else { Err(ControlError::LastPolicy(lacks.join(", nor "))) }
}

/// Whether a policy may come after the one in force: its rules are the same, or they were approved last.
fn may_follow(now: &Policy, histories: &Histories, next: &Policy) -> bool {
    let approved = || histories.approved_policy(&now.requirements(), &now.approvers);
    next.version == now.version || approved() == Some(&next.version)
}

impl Approving {
    /// The island's day.
    pub(crate) fn today(&self) -> Date {
        today(&*self.clock, &self.zone)
    }

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
