//! Putting data in: each record is checked by the catalogue's rules, recorded, and stored, in this order. A load is stored when all of
//! it is there.

mod batch;
mod check;
mod claim;
mod header;
mod load;
mod spool;

pub use batch::{LARGEST as LARGEST_BATCH, Rejected, Stored};
pub use check::{Broken, Checked, Rule};
pub use header::Header;
pub use load::Load;

use crate::{
    access::Unanswered,
    access_log::{Appender, Entry, Reader, SearchError},
    clock::{Clock, today},
    control::Control,
    dataset::{
        Source, Stores,
        catalogue::{DatasetIndex, RecordTypeId},
    },
    entropy::Entropy,
    identity::Caller,
    policy::{self, IntakeGrant, Terms},
    pseudonym::Keyring,
};
use jiff::{civil::Date, tz::TimeZone};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Mutex;

/// The event that start-up reconciliation counts from.
pub const STARTED: &str = "the broker started";

/// What takes records in.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Intake {
    /// What is in force.
    pub(crate) control: Arc<Control>,
    /// The stores, in the order of the catalogue.
    pub(crate) stores: Stores,
    /// One batch at a time and dataset, so that duplicates are found.
    pub(crate) turns: Vec<Mutex<()>>,
    /// The keys.
    pub(crate) keyring: Arc<Keyring>,
    /// The access log.
    pub(crate) log: Appender,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Record ids, salts, nonces, order.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The island's time zone.
    pub(crate) zone: TimeZone,
    /// The folder where the rows of a load wait, sealed, until it is whole.
    pub(crate) spool: PathBuf,
    /// A batch of a load has at most so many records.
    pub(crate) largest_batch: usize,
}

/// Leave to put records of a dataset in, from one source.
#[expect(missing_debug_implementations, reason = "holds terms as they came in")]
pub struct Delivery {
    pub(super) grant: IntakeGrant,
    pub(super) dataset: DatasetIndex,
    pub(super) source: Source,
    pub(super) today: Date,
}

/// No delivery.
#[expect(missing_debug_implementations, reason = "a denial holds names")]
pub enum NotOpened {
    /// Refused, and not recorded yet.
    Unanswered(Unanswered),
    /// The agreement does not take records from that source, which is another one's.
    Source,
}

impl Intake {
    /// May this caller deliver records of that dataset, from that source? Only those of its record types that the agreement takes in, or
    /// of the one that is named.
    pub fn open(
        &self,
        caller: &Caller,
        terms: &Terms,
        (dataset, only): (DatasetIndex, Option<RecordTypeId>),
        source: String,
        trace: &str,
    ) -> Result<Delivery, NotOpened> {
        let in_force = self.control.in_force();
        let policy = &in_force.policy;
        let taken_in =
            || in_force.agreement(&terms.agreement).into_iter().flat_map(|agreement| &agreement.intake).copied();
        let of_dataset = |record_type: &RecordTypeId| policy.catalogue.record_type(*record_type).dataset == dataset;
        let wanted = only.map_or_else(|| taken_in().filter(of_dataset).collect(), |named| vec![named]);
        let today = today(&*self.clock, &self.zone);
        let grant = policy::authorise_intake(&in_force, caller, terms, &wanted, trace, today)
            .map_err(|denial| NotOpened::Unanswered(denial.into()))?;
        let agreement = grant.grant().agreement();
        if !in_force.may_come_from(agreement, &source) {
            return Err(NotOpened::Source);
        }
        let (delivered_by, listed) = (Some(caller.organisation().clone()), !agreement.sources.is_empty());
        Ok(Delivery { source: Source { name: source, delivered_by, listed }, grant, dataset, today })
    }

    /// Batches that this broker recorded since its last start and that did not arrive, because the broker ended in between: the access log is
    /// told, since its entry says that they came in.
    pub async fn reconcile(&self, reader: &Reader, broker: &str) -> Result<u64, SearchError> {
        let mut lost = 0;
        for (dataset, batch) in reader.inputs_since_last_start(STARTED, broker).await? {
            let in_force = self.control.in_force();
            let known = in_force.policy.catalogue.dataset_named(&dataset);
            let store = known.and_then(|(at, _)| self.stores.of(at));
            let name = hex::decode(&batch).map_err(|_| SearchError::Damaged("a batch without a name"))?;
            let arrived = match store {
                Some(store) => {
                    store.batch(&name).await.map_err(|_| SearchError::Damaged("a store that cannot be read"))?.is_some()
                }
                None => continue,
            };
            if !arrived {
                lost += 1;
                self.note_lost(&dataset, &batch).await.map_err(|_| SearchError::Damaged("no entry can be appended"))?;
            }
        }
        Ok(lost)
    }

    async fn note_lost(&self, dataset: &str, batch: &str) -> Result<(), Unanswered> {
        let event =
            format!("batch {batch} of {dataset} was recorded and did not arrive: none of its records is stored");
        self.log.note(Entry::administration(&event)).await?;
        Ok(())
    }
}
