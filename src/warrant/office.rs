//! Where warrants are registered, entered again, and revoked.

use super::{Terms, Warrant, What};
use crate::{
    access::{Invalid, Unanswered},
    access_log::{Receipt, SubjectPart},
    approval::{Approver, Happening, NotDone, Office, denial, is_line, line},
    control::{About, Event},
    identity::Caller,
    ids::{ApproverId, WarrantId},
    policy::{self, InForce},
    pseudonym::SubjectIdentifier,
};
use jiff::civil::Date;
use std::sync::Arc;

/// A warrant as somebody entered it. Its subjects are wiped when they have become names.
#[expect(missing_debug_implementations, reason = "holds direct identifiers")]
pub struct Entered {
    /// All but the subjects.
    pub terms: Terms,
    /// Whom it is about.
    pub subjects: Vec<SubjectIdentifier>,
}

/// Where a warrant stands.
#[derive(Debug)]
pub struct ShownWarrant {
    /// The warrant.
    pub warrant: Arc<Warrant>,
    /// In a word.
    pub standing: &'static str,
}

const UNKNOWN: Invalid = Invalid::of("id", "a warrant that was registered");
const OTHER: Invalid = Invalid::of("warrant", "in every part what was registered");
const DONE: Invalid = Invalid::of("id", "a warrant that waits for this");
const AGREEMENT: Invalid = Invalid::of("agreement", "an agreement of the policy folder");
const FIELDS: Invalid = Invalid::of(
    "fields",
    "one at least, each a field of the agreement that law enforcement reaches with a warrant only",
);
const SUBJECTS: Invalid = Invalid::of("identifiers", "1 to 100 subject identifiers");
const WORDS: Invalid = line("court, reference, case_reference");
const DAYS: Invalid = Invalid::of("valid_from, valid_until", "a first day and a last one that is not before it");
const USES: Invalid = Invalid::of("uses", "from 1 to 10,000");

impl Office {
    /// Registers a warrant; it has no effect yet.
    pub async fn register(
        &self,
        caller: &Caller,
        entered: Entered,
        trace: &str,
    ) -> Result<(WarrantId, Receipt), NotDone> {
        let in_force = self.control.in_force();
        let approver = self.keeper(&in_force, caller, &entered.terms, trace)?;
        let terms = self.named(entered).await;
        check(&in_force, &terms)?;
        let bytes: [u8; 8] = self.entropy.bytes().map_err(|_| Unanswered::Fault)?;
        let id = WarrantId::try_from(format!("w-{}", hex::encode(bytes)).as_str()).map_err(|_| Unanswered::Fault)?;
        let told = format!("warrant {id}: registered by {approver}");
        let what = What::Registered { by: approver, terms };
        let event = Event::new(About::Warrant(id.clone()), 1, &what);
        Ok((id, self.record(&in_force, caller, Happening { told, event, about: SubjectPart::default() }, trace).await?))
    }

    /// Enters a warrant again; when this returns it is in force, on its days.
    pub async fn confirm(&self, caller: &Caller, id: &str, entered: Entered, trace: &str) -> Result<Receipt, NotDone> {
        let in_force = self.control.in_force();
        let approver = self.keeper(&in_force, caller, &entered.terms, trace)?;
        let terms = self.named(entered).await;
        let known = in_force.warrants.get(id).ok_or(NotDone::Invalid(UNKNOWN))?;
        if known.registered_by == approver {
            return Err(denial(&in_force, caller, &policy::Terms::default(), trace).into());
        }
        if known.terms != terms {
            return Err(NotDone::Invalid(OTHER));
        }
        if known.confirmed_by.is_some() || known.revoked {
            return Err(NotDone::Invalid(DONE));
        }
        let told = format!("warrant {}: confirmed by {approver}", known.id);
        let event = known.event(What::Confirmed { by: approver });
        self.record(&in_force, caller, Happening { told, event, about: SubjectPart::default() }, trace).await
    }

    /// Ends a warrant at once.
    pub async fn revoke(&self, caller: &Caller, id: &str, trace: &str) -> Result<Receipt, NotDone> {
        let in_force = self.control.in_force();
        let may = |approver: &Approver| approver.warrants || approver.data_protection_officer;
        let approver = self.approver(&in_force, caller, trace, may)?.id.clone();
        let known = in_force.warrants.get(id).ok_or(NotDone::Invalid(UNKNOWN))?;
        if known.revoked {
            return Err(NotDone::Invalid(DONE));
        }
        let told = format!("warrant {}: revoked by {approver}", known.id);
        let event = known.event(What::Revoked { by: approver });
        self.record(&in_force, caller, Happening { told, event, about: SubjectPart::default() }, trace).await
    }

    /// Where a warrant stands.
    pub fn show(&self, caller: &Caller, id: &str, trace: &str) -> Result<ShownWarrant, NotDone> {
        let in_force = self.control.in_force();
        let may = |approver: &Approver| approver.warrants || approver.data_protection_officer;
        self.approver(&in_force, caller, trace, may)?;
        let warrant = in_force.warrants.get(id).ok_or(NotDone::Invalid(UNKNOWN))?.clone();
        let standing = standing(&warrant, self.today());
        Ok(ShownWarrant { warrant, standing })
    }

    /// Who keeps warrants, and is of no organisation that would ask under this one: nobody opens data to themselves.
    fn keeper(&self, in_force: &InForce, caller: &Caller, terms: &Terms, trace: &str) -> Result<ApproverId, NotDone> {
        let drafted = in_force.policy.agreement(terms.agreement.as_str());
        let agreements = in_force.agreement(terms.agreement.as_str()).into_iter().chain(drafted);
        let asking: Vec<_> = agreements.flat_map(|agreement| &agreement.parties).collect();
        let may = |approver: &Approver| approver.warrants && !asking.contains(&&approver.organisation);
        Ok(self.approver(in_force, caller, trace, may)?.id.clone())
    }

    /// With the subjects' names instead of the subjects, which are wiped.
    async fn named(&self, entered: Entered) -> Terms {
        let Entered { mut terms, subjects } = entered;
        for subject in subjects {
            terms.subjects.insert(self.keyring.warrant_name(&subject).await);
        }
        terms
    }
}

fn standing(warrant: &Warrant, today: Date) -> &'static str {
    let Terms { from, until, uses, .. } = &warrant.terms;
    match warrant {
        Warrant { revoked: true, .. } => "revoked",
        Warrant { confirmed_by: None, .. } => "registered",
        Warrant { used, .. } if used >= uses => "spent",
        _ if today < *from => "not_begun",
        _ if today > *until => "expired",
        _ => "confirmed",
    }
}

/// A warrant that could never be used is refused when it is registered.
fn check(in_force: &InForce, terms: &Terms) -> Result<(), NotDone> {
    let policy = &in_force.policy;
    let Terms { court, reference, agreement, case_reference, subjects, fields, from, until, uses } = terms;
    let invalid = |what| Err(NotDone::Invalid(what));
    if ![court, reference, case_reference].iter().all(|text| is_line(text, in_force)) {
        return invalid(WORDS);
    }
    let Some(agreement) = in_force.agreement(agreement.as_str()).or(policy.agreement(agreement.as_str())) else {
        return invalid(AGREEMENT);
    };
    let listed = |name: &String| {
        let field = policy.catalogue.field_named(name).filter(|field| agreement.fields.contains_key(field));
        field.is_some_and(|field| policy.needs_warrant(field))
    };
    if fields.is_empty() || !fields.iter().all(listed) {
        return invalid(FIELDS);
    }
    if !(1..=100).contains(&subjects.len()) {
        return invalid(SUBJECTS);
    }
    if until < from {
        return invalid(DAYS);
    }
    if !(1..=10_000).contains(uses) { invalid(USES) } else { Ok(()) }
}
