//! Where subjects are put on watch and taken off, and where a second person allows a look-up.

use super::{Leave, Watch, What, Why};
use crate::{
    access::Invalid,
    access_log::{Receipt, SubjectPart},
    approval::{Approver, Happening, NotDone, Office, denial, is_line, line},
    identity::Caller,
    ids::{AgreementId, CallerId},
    policy::{InForce, Terms},
    pseudonym::SubjectIdentifier,
};
use jiff::civil::Date;
use std::sync::Arc;

/// A look-up that somebody is going to make.
#[derive(Debug)]
pub struct LookUp {
    /// Who makes it, of the organisation of who allows it.
    pub caller: CallerId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// For which case.
    pub case_reference: String,
    /// The last day on which it is allowed.
    pub until: Date,
    /// Why.
    pub reason: String,
}

const STANDS: Invalid = Invalid::of("why", "something else than what stands already");
const CASE: Invalid = line("case_reference");
const REASON: Invalid = line("reason");
const UNTIL: Invalid = Invalid::of("valid_until", "a day from today on");
const ITSELF: Invalid = Invalid::of("caller", "somebody else than who allows it");

impl Office {
    /// Puts a subject on watch. Consumes the identifier: it is wiped when this returns.
    pub async fn watch(
        &self,
        caller: &Caller,
        subject: SubjectIdentifier,
        why: Why,
        trace: &str,
    ) -> Result<Receipt, NotDone> {
        let in_force = self.control.in_force();
        let by = self.watcher(&in_force, caller, trace)?;
        let (name, watch, about) = self.stands(&in_force, subject).await?;
        if watch.is_watched(&why) {
            return Err(NotDone::Invalid(STANDS));
        }
        let told = format!("a subject is watched ({}) by {}", why.as_str(), by.id);
        let event = watch.event(&name, What::Watched { by: by.id.clone(), why });
        self.record(&in_force, caller, Happening { told, event, about }, trace).await
    }

    /// Takes a subject off watch. Consumes the identifier: it is wiped when this returns.
    pub async fn unwatch(
        &self,
        caller: &Caller,
        subject: SubjectIdentifier,
        why: Why,
        trace: &str,
    ) -> Result<Receipt, NotDone> {
        let in_force = self.control.in_force();
        let by = self.watcher(&in_force, caller, trace)?;
        let (name, watch, about) = self.stands(&in_force, subject).await?;
        if !watch.is_watched(&why) {
            return Err(NotDone::Invalid(STANDS));
        }
        let told = format!("a subject is no longer watched ({}), by {}", why.as_str(), by.id);
        let event = watch.event(&name, What::Unwatched { by: by.id.clone(), why });
        self.record(&in_force, caller, Happening { told, event, about }, trace).await
    }

    /// Allows one look-up, as the second person. Consumes the identifier: it is wiped when this returns.
    pub async fn allow(
        &self,
        caller: &Caller,
        subject: SubjectIdentifier,
        look_up: LookUp,
        trace: &str,
    ) -> Result<Receipt, NotDone> {
        let in_force = self.control.in_force();
        let by = self.approver(&in_force, caller, trace, |approver| approver.second_person)?;
        let (name, watch, about) = self.stands(&in_force, subject).await?;
        let LookUp { caller: to, agreement, case_reference, until, reason } = look_up;
        if to == by.caller {
            return Err(NotDone::Invalid(ITSELF));
        }
        let own = Why::Own { organisation: by.organisation.clone(), caller: by.caller.clone() };
        if watch.is_watched(&own) {
            // Nobody lets others look up what is held on themselves.
            return Err(denial(&in_force, caller, &Terms::default(), trace).into());
        }
        if !is_line(&case_reference) {
            return Err(NotDone::Invalid(CASE));
        }
        if !is_line(&reason) {
            return Err(NotDone::Invalid(REASON));
        }
        if until < self.today() {
            return Err(NotDone::Invalid(UNTIL));
        }
        let told = format!("a look-up by {to} under {agreement} is allowed by {}: {reason}", by.id);
        let (by, organisation) = (by.id.clone(), by.organisation.clone());
        let leave = Leave { by, organisation, caller: to, agreement, case_reference, until, reason };
        let event = watch.event(&name, What::Allowed(leave));
        self.record(&in_force, caller, Happening { told, event, about }, trace).await
    }

    fn watcher<'a>(&self, in_force: &'a InForce, caller: &Caller, trace: &str) -> Result<&'a Approver, NotDone> {
        self.approver(in_force, caller, trace, |approver| approver.data_protection_officer)
    }

    async fn stands(
        &self,
        in_force: &InForce,
        subject: SubjectIdentifier,
    ) -> Result<(String, Arc<Watch>, SubjectPart), NotDone> {
        let name = self.keyring.watch_name(&subject).await;
        let watch = in_force.watched.get(&name).cloned().unwrap_or_default();
        Ok((name, watch, self.log.about(&subject).await?))
    }
}

impl Why {
    /// As an entry tells it. Whose own identifier it is stands nowhere outside.
    fn as_str(&self) -> &'static str {
        match self {
            Why::Protected => "protected",
            Why::Honey => "honey",
            Why::Own { .. } => "own",
        }
    }
}
