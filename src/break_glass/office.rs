//! Where glass is broken, and where that is reviewed.

use super::{Use, What};
use crate::{
    access::{Invalid, Unanswered},
    access_log::{Entry, Receipt, digest},
    approval::{Approver, Happening, NotDone, Office, is_line, line},
    identity::Caller,
    ids::{CallerId, OrganisationId},
    policy::{self, Refusal, Terms},
    pseudonym::SubjectIdentifier,
    telemetry::alarm::{self, Alarm},
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

const REASON: Invalid = line("reason");
const WORDS: Invalid = line("words");
const NOTHING: Invalid = Invalid::of("caller", "one whose use is not reviewed yet");

impl Office {
    /// Breaks glass for one subject; it ends at the time that is given back. Consumes the identifier: it is wiped when this returns.
    pub async fn break_glass(
        &self,
        caller: &Caller,
        terms: &Terms,
        subject: SubjectIdentifier,
        reason: String,
        trace: &str,
    ) -> Result<(Timestamp, Receipt), NotDone> {
        let in_force = self.control.in_force();
        let granted = policy::authorise_break_glass(&in_force, caller, terms, trace, self.today())
            .map_err(|denial| NotDone::Unanswered(Unanswered::Denied(denial)))?;
        let (grant, clause) = (granted.grant(), granted.clause().clone());
        let mut about = self.log.about(&subject).await?;
        let now = self.clock.now();
        // Who holds a token for long may have left it to somebody.
        let is_fresh = now.duration_since(caller.issued_at()) <= SignedDuration::from_secs(clause.fresh_seconds.into());
        let who = (caller.organisation(), caller.id());
        let known = in_force.uses.of(who.0, who.1).cloned().unwrap_or_default();
        let refusal = match (is_fresh, known.may_again()) {
            (false, _) => Some(Refusal::StepUp),
            (_, false) => Some(Refusal::Unreviewed),
            _ => None,
        };
        if let Some(refusal) = refusal {
            return Err(NotDone::Unanswered(Unanswered::Denied(granted.refuse(refusal, about))));
        }
        if !is_line(&reason, &in_force) {
            return Err(NotDone::Invalid(REASON));
        }
        let until = now + SignedDuration::from_mins(clause.minutes.into());
        about.alarms.push(Alarm::BreakGlass);
        let told = format!("glass is broken until {until:.0}: {reason}");
        let used = Use {
            subject: self.keyring.break_glass_name(&subject).await,
            agreement: grant.agreement().id.clone(),
            role: granted.role().clone(),
            case_reference: terms.case_reference.clone(),
            reason,
            until,
        };
        let event = known.event(who, What::Broken(used));
        let alarms = about.alarms.clone();
        let entry = Entry::administered(told, grant.who.clone(), grant.terms()).about(about);
        let entry = entry.happening(&in_force.policy.version, in_force.policy.files_version(), event);
        let receipt = self.control.record(Arc::new(entry), digest(&[])).await?;
        alarm::raise(&alarms, trace);
        Ok((until, receipt))
    }

    /// What waits for the data protection officer's review: who broke glass, and why.
    pub fn unreviewed(&self, caller: &Caller, trace: &str) -> Result<Vec<(OrganisationId, CallerId, Use)>, NotDone> {
        let in_force = self.control.in_force();
        self.approver(&in_force, caller, trace, |approver| approver.data_protection_officer)?;
        let mut all: Vec<_> =
            in_force.uses.unreviewed().map(|(of, who, used)| (of.clone(), who.clone(), used.clone())).collect();
        all.sort_by(|one, other| (&one.2.until, &one.0, &one.1).cmp(&(&other.2.until, &other.0, &other.1)));
        Ok(all)
    }

    /// Reviews what somebody did, which ends it.
    pub async fn review(
        &self,
        caller: &Caller,
        of: (&OrganisationId, &CallerId),
        (justified, words): (bool, String),
        trace: &str,
    ) -> Result<Receipt, NotDone> {
        let in_force = self.control.in_force();
        // Nobody reviews what they did themselves.
        let own = of == (caller.organisation(), caller.id());
        let may = |approver: &Approver| approver.data_protection_officer && !own;
        let by = self.approver(&in_force, caller, trace, may)?.id.clone();
        let known = in_force.uses.of(of.0, of.1).filter(|known| known.unreviewed().is_some());
        let known = known.ok_or(NotDone::Invalid(NOTHING))?;
        if !is_line(&words, &in_force) {
            return Err(NotDone::Invalid(WORDS));
        }
        let found = if justified { "justified" } else { "not justified" };
        let told = format!("that {} of {} broke glass was {found}, says {by}: {words}", of.1, of.0);
        let event = known.event(of, What::Reviewed { by, justified, words });
        self.record(&in_force, caller, Happening { told, event, about: Default::default() }, trace).await
    }
}
