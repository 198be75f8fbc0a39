//! Answering: the way of a request after its caller is known, one stage a file.

mod fetch;
mod link;
mod plan;
mod query;
mod record;
mod redact;
mod refuse;
mod release;
mod slot;
mod subject_rules;
mod translate;

pub use fetch::Fetched;
pub use link::{Linked, LinkedRecord};
pub use plan::{Plan, plan};
pub use query::{Query, Subject};
pub use redact::{Redacted, redact};
pub use refuse::{Invalid, Refused, Told, refuse, refuse_invalid};
pub use release::{ReceiptMismatch, Released, release};
pub use slot::{Departures, Slot};
pub use translate::{Address, Addressed};

use crate::{
    access_log::{Appender, Unavailable},
    clock::{Clock, today},
    control::{Control, ControlError},
    dataset::Stores,
    identity::Caller,
    policy::{self, Denial},
    pseudonym::{Keyring, KeyringError},
};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// What answers questions about one subject.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Access {
    /// What is in force.
    pub(crate) control: Arc<Control>,
    /// The stores, in the order of the catalogue.
    pub(crate) stores: Stores,
    /// The keys.
    pub(crate) keyring: Arc<Keyring>,
    /// The access log.
    pub(crate) log: Appender,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The island's time zone: conditions and validity count in its days.
    pub(crate) zone: TimeZone,
    /// When answers leave that lack something.
    pub(crate) departures: Departures,
}

/// No answer.
#[expect(missing_debug_implementations, reason = "a denial holds names")]
pub enum Unanswered {
    /// Refused, and not recorded yet.
    Denied(Denial),
    /// No receipt, hence no release.
    Unavailable(Unavailable),
    /// Something is broken, and told in telemetry. No data and no decision.
    Fault,
}

impl Access {
    /// The way of a request. Each value needs the one before it, so no stage can be left out. Each is a span of its name.
    pub async fn answer(&self, caller: &Caller, query: Query, trace: &str) -> Result<Released, Unanswered> {
        let Query { terms, subject, asked } = query;
        let today = today(&*self.clock, &self.zone);
        let grant = policy::authorise(&self.control.in_force(), caller, &terms, &asked, trace, today)?; // 2 may they?
        let plan = plan(grant); //                                                                           3
        let addressed = translate::translate(plan, subject, &self.keyring, &self.log, &*self.clock).await?; //             4 from here no identifier
        let fetched = fetch::fetch(addressed, &self.stores).await?; //                                       5
        let linked = link::link(fetched, &self.keyring).await?; //                                           6
        let redacted = redact(linked); //                                                                    7 the final bytes
        let receipt = record::record(&redacted, &self.control).await?; //                                        8 durable from here
        redacted.raise_alarms();
        Ok(release(redacted, receipt)?) //                                                                   9
    }
}

impl From<Denial> for Unanswered {
    fn from(denial: Denial) -> Self {
        Unanswered::Denied(denial)
    }
}

impl From<Unavailable> for Unanswered {
    fn from(unavailable: Unavailable) -> Self {
        Unanswered::Unavailable(unavailable)
    }
}

impl From<ControlError> for Unanswered {
    fn from(error: ControlError) -> Self {
        if let ControlError::Unavailable(unavailable) = error {
            return Unanswered::Unavailable(unavailable);
        }
        tracing::error!(%error, "what is in force is not known");
        Unanswered::Fault
    }
}

impl From<KeyringError> for Unanswered {
    fn from(error: KeyringError) -> Self {
        tracing::error!(%error, "an operation on keys failed");
        Unanswered::Fault
    }
}

impl From<ReceiptMismatch> for Unanswered {
    fn from(error: ReceiptMismatch) -> Self {
        tracing::error!(%error, "an answer was not released");
        Unanswered::Fault
    }
}
