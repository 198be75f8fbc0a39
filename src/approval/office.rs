//! Where those who are entitled to it do what decisions depend on: keep warrants, watch subjects, restrict the use of what is held on them.

use super::{Approver, NotDone, denial, entitled};
use crate::{
    access::Invalid,
    access_log::{Appender, Entry, Receipt, SubjectPart, digest},
    clock::{Clock, today},
    control::{Control, Event},
    entropy::Entropy,
    identity::Caller,
    policy::{self, InForce, Terms},
    pseudonym::Keyring,
};
use jiff::{civil::Date, tz::TimeZone};
use std::sync::Arc;

/// What records it, and lets it count.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Office {
    /// What is in force, which it changes.
    pub(crate) control: Arc<Control>,
    /// The keys.
    pub(crate) keyring: Arc<Keyring>,
    /// The access log.
    pub(crate) log: Appender,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Names of warrants and restrictions.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The island's time zone.
    pub(crate) zone: TimeZone,
}

/// Something that is about to count, in words of the broker's own.
pub(crate) struct Happening {
    pub(crate) told: String,
    pub(crate) event: Event,
    pub(crate) about: SubjectPart,
}

impl Office {
    /// Who a caller is as an approver, if that one may.
    pub(crate) fn approver<'a>(
        &self,
        in_force: &'a InForce,
        caller: &Caller,
        trace: &str,
        may: impl Fn(&Approver) -> bool,
    ) -> Result<&'a Approver, NotDone> {
        let known = entitled(in_force, caller, self.today(), may);
        known.ok_or_else(|| denial(in_force, caller, &Terms::default(), trace).into())
    }

    /// Records it; when this returns, it counts.
    pub(crate) async fn record(
        &self,
        in_force: &InForce,
        caller: &Caller,
        happening: Happening,
        trace: &str,
    ) -> Result<Receipt, NotDone> {
        let Happening { told, event, about } = happening;
        let who = policy::known_names(in_force, caller, &Terms::default(), trace);
        let entry = Entry::administered(told, who, policy::versions(in_force)).about(about);
        let entry = entry.happening(&in_force.policy.version, in_force.policy.files_version(), event);
        Ok(self.control.record(Arc::new(entry), digest(&[])).await?)
    }

    /// The island's day.
    pub(crate) fn today(&self) -> Date {
        today(&*self.clock, &self.zone)
    }
}

/// Whether a text of somebody's is one line that may be kept: 1 to 200 characters. That it names nobody was seen to when the message was taken.
pub(crate) fn is_line(text: &str) -> bool {
    (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// The rule of `is_line`.
pub(crate) const fn line(argument: &'static str) -> Invalid {
    Invalid::of(argument, "one line of 1 to 200 characters, without a subject identifier")
}
