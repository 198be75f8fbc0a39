//! What decisions depend on, as one version: the policy in force, and whose data may not be used. It changes as a whole, with an
//! entry and a control epoch of its own, and a decision made before a change is not recorded after it.

use crate::{
    access_log::{Appender, Entry, Reader, Receipt, SearchError, Unavailable},
    policy::{InForce, Policy},
    pseudonym::RestrictionName,
};
use arc_swap::ArcSwap;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Mutex;

/// What is in force, and the only way to change it.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Control {
    in_force: ArcSwap<InForce>,
    log: Appender,
    /// One change at a time: each is made of what was in force before it.
    turn: Mutex<()>,
}

/// A change of whether a subject's data may be used.
#[derive(Debug, Clone, Copy)]
pub struct Restriction {
    /// Whose.
    pub name: RestrictionName,
    /// Whether it is restricted from now on.
    pub restricted: bool,
}

impl Control {
    /// Puts the first policy of a start in force, with the restrictions that the access log's database holds.
    pub async fn start(policy: Policy, log: Appender, reader: &Reader) -> Result<Self, SearchError> {
        let epoch = log.put_in_force(&policy.version, policy.archive()).await?;
        let restricted = Arc::new(reader.restricted().await?);
        let in_force = ArcSwap::from_pointee(InForce { policy: Arc::new(policy), restricted, epoch });
        Ok(Self { in_force, log, turn: Mutex::new(()) })
    }

    /// What is in force now. A request holds it from beginning to end.
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Puts another policy in force.
    pub async fn put_in_force(&self, policy: Policy) -> Result<(), Unavailable> {
        let _turn = self.turn.lock().await;
        let epoch = self.log.put_in_force(&policy.version, policy.archive()).await?;
        // A request that was decided before this line and is recorded after it fails: its epoch is over.
        let restricted = self.in_force().restricted.clone();
        self.in_force.store(Arc::new(InForce { policy: Arc::new(policy), restricted, epoch }));
        Ok(())
    }

    /// Records a change of a restriction; it is in force when this returns.
    pub(crate) async fn restrict(&self, entry: Entry, restriction: Restriction) -> Result<Receipt, Unavailable> {
        let _turn = self.turn.lock().await;
        let before = self.in_force();
        let (receipt, epoch) = self.log.restrict(entry, &before.policy.version, restriction).await?;
        let mut restricted = HashSet::clone(&before.restricted);
        if restriction.restricted {
            restricted.insert(restriction.name);
        } else {
            restricted.remove(&restriction.name);
        }
        let (policy, restricted) = (before.policy.clone(), Arc::new(restricted));
        self.in_force.store(Arc::new(InForce { policy, restricted, epoch }));
        Ok(receipt)
    }
}
