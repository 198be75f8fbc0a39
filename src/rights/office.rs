//! Where restrictions begin, are looked at, and are lifted.

use super::{Ground, OfSubject, Restriction, What};
use crate::{
    access::{Invalid, Unanswered},
    access_log::{Entry, Receipt, SubjectPart, digest},
    approval::{NotDone, Office},
    identity::Caller,
    ids::RestrictionId,
    pb,
    policy::{self, Right, RightsGrant, Terms},
    pseudonym::SubjectIdentifier,
};
use jiff::civil::Date;
use prost::Message;
use std::sync::Arc;

/// A restriction that has begun.
#[derive(Debug)]
pub struct NewRestriction {
    /// Its name: it is lifted by this.
    pub id: RestrictionId,
    /// That it is in force.
    pub receipt: Receipt,
}

/// The restrictions of a subject, as they are told.
#[derive(Debug)]
pub struct Listed {
    /// A serialised `Restrictions`.
    pub answer: Vec<u8>,
    /// Covers exactly these bytes.
    pub receipt: Receipt,
}

pub(crate) const UNKNOWN: Invalid = Invalid::of("restriction", "one of this subject's that stands, by its id");
pub(crate) const TOLD_ON: Invalid = Invalid::of(
    "subject_told_on",
    "the day on which the subject was told, ISO 8601, not before the restriction began and not later than today",
);

/// A subject, to whoever may carry out its rights.
struct Known {
    grant: RightsGrant,
    about: SubjectPart,
    name: String,
    restrictions: Arc<OfSubject>,
}

impl Office {
    /// Begins a restriction; when this returns it is in force. Another one on the same ground is one more: it has its own day, and what is
    /// lifted for the one stands for the other. Consumes the identifier: it is wiped when this returns.
    pub async fn restrict(
        &self,
        caller: &Caller,
        terms: &Terms,
        subject: SubjectIdentifier,
        ground: Ground,
        trace: &str,
    ) -> Result<NewRestriction, NotDone> {
        let known = self.known(caller, terms, subject, trace).await?;
        let bytes: [u8; 8] = self.entropy.bytes().map_err(|_| Unanswered::Fault)?;
        let id = RestrictionId::try_from(format!("r-{}", hex::encode(bytes)).as_str());
        let id = id.map_err(|_| NotDone::Unanswered(Unanswered::Fault))?;
        let told = format!("restriction {id}: {}", ground.as_str());
        let restriction = Restriction { ground, since: self.today() };
        let receipt = self.change(known, "restricted", told, What::Restricted { id: id.clone(), restriction }).await?;
        Ok(NewRestriction { id, receipt })
    }

    /// Lifts one restriction, of which the subject was told on that day. Consumes the identifier: it is wiped when this returns.
    pub async fn lift(
        &self,
        caller: &Caller,
        terms: &Terms,
        subject: SubjectIdentifier,
        (id, told_on): (RestrictionId, Date),
        trace: &str,
    ) -> Result<Receipt, NotDone> {
        let known = self.known(caller, terms, subject, trace).await?;
        let restriction = known.restrictions.liftable(&id).ok_or(NotDone::Invalid(UNKNOWN))?;
        if told_on < restriction.since || told_on > self.today() {
            return Err(NotDone::Invalid(TOLD_ON));
        }
        let told = format!("restriction {id} lifted; the subject was told on {told_on}");
        self.change(known, "lifted", told, What::Lifted { id, told_on }).await
    }

    /// The restrictions of a subject that stand. Consumes the identifier: it is wiped when this returns.
    pub async fn restrictions(
        &self,
        caller: &Caller,
        terms: &Terms,
        subject: SubjectIdentifier,
        trace: &str,
    ) -> Result<Listed, NotDone> {
        let Known { grant, about, restrictions, .. } = self.known(caller, terms, subject, trace).await?;
        let in_force = restrictions.all().into_iter().map(|(id, restriction)| pb::Restriction {
            id: id.to_string(),
            ground: pb::RestrictionGround::from(restriction.ground).into(),
            since: restriction.since.to_string(),
        });
        let answer = pb::Restrictions { in_force: in_force.collect(), unclear: restrictions.is_unclear() };
        let (answer, grant) = (answer.encode_to_vec(), grant.grant());
        let entry = Entry::listing("restrictions in force".to_owned(), grant.who.clone(), grant.terms(), about);
        let receipt = self.control.record(Arc::new(entry), digest(&answer)).await?;
        Ok(Listed { answer, receipt })
    }

    async fn known(
        &self,
        caller: &Caller,
        terms: &Terms,
        subject: SubjectIdentifier,
        trace: &str,
    ) -> Result<Known, NotDone> {
        let in_force = self.control.in_force();
        let grant = policy::authorise_right(&in_force, caller, terms, Right::Restrict, trace, self.today())?;
        let name = self.keyring.restriction_name(&subject).await;
        let restrictions = in_force.restricted.get(&name).cloned().unwrap_or_default();
        Ok(Known { grant, about: self.log.about(&subject).await?, name, restrictions })
    }

    async fn change(&self, known: Known, outcome: &'static str, told: String, what: What) -> Result<Receipt, NotDone> {
        let Known { grant, about, name, restrictions } = known;
        let (grant, event) = (grant.grant(), restrictions.event(&name, &what));
        let policy = &grant.in_force.policy;
        let entry = Entry::change(outcome, told, grant.who.clone(), grant.terms(), about);
        let entry = entry.happening(&policy.version, policy.files_version(), event);
        Ok(self.control.record(Arc::new(entry), digest(&[])).await?)
    }
}

impl From<Ground> for pb::RestrictionGround {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::AccuracyContested => Self::AccuracyContested,
            Ground::UnlawfulUse => Self::UnlawfulUse,
            Ground::LegalClaims => Self::LegalClaims,
            Ground::Objection => Self::Objection,
            Ground::Evidence => Self::Evidence,
        }
    }
}
