//! Restriction: what is held on a subject stays, and nobody is answered with it (R-RES; JR article 33).

use super::Rights;
use crate::{
    access::Unanswered,
    access_log::{Entry, Receipt, digest},
    clock::today,
    control::Restriction,
    identity::Caller,
    policy::{self, Right, Terms},
    pseudonym::SubjectIdentifier,
};
use jiff::civil::Date;
use std::sync::Arc;

/// What is done to a subject's restriction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It begins.
    Restrict(Ground),
    /// It ends, and on that day the subject was told so.
    Lift(Date),
}

/// Why a restriction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Article 33(1)(a).
    AccuracyContested,
    /// Article 33(1)(b).
    UnlawfulUse,
    /// Article 33(1)(c).
    LegalClaims,
    /// Article 33(1)(d).
    Objection,
    /// Guernsey, section 15(6).
    Evidence,
}

impl Ground {
    /// As it stands in the access log.
    pub fn as_str(self) -> &'static str {
        match self {
            Ground::AccuracyContested => "accuracy_contested",
            Ground::UnlawfulUse => "unlawful_use",
            Ground::LegalClaims => "legal_claims",
            Ground::Objection => "objection",
            Ground::Evidence => "evidence",
        }
    }
}

impl Rights {
    /// Records the change; when this returns it is in force. To restrict who is restricted, or to lift what is not there, is
    /// recorded too and changes nothing. Consumes the identifier: it is wiped when this returns.
    pub async fn restrict(
        &self,
        caller: &Caller,
        terms: &Terms,
        subject: SubjectIdentifier,
        change: Change,
        trace: &str,
    ) -> Result<Receipt, Unanswered> {
        let today = today(&*self.clock, &self.zone);
        let grant = policy::authorise_right(&self.control.in_force(), caller, terms, Right::Restrict, trace, today)?;
        let about = self.log.about(&subject).await?;
        let name = self.keyring.restriction_name(&subject).await;
        let (outcome, event, restricted) = match change {
            Change::Restrict(ground) => ("restricted", format!("restriction: {}", ground.as_str()), true),
            Change::Lift(told_on) => {
                ("lifted", format!("restriction lifted; the subject was told on {told_on}"), false)
            }
        };
        let grant = grant.grant();
        let (policy, restriction) = (&grant.in_force.policy, Restriction { name, restricted });
        let entry = Entry::change(outcome, event, grant.who.clone(), grant.terms(), about);
        let entry = entry.restricting(&policy.version, policy.files_version(), restriction);
        Ok(self.control.record(Arc::new(entry), digest(&[])).await?)
    }
}
