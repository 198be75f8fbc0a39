//! `RightsService`: a subject's restrictions, begun, listed and lifted.

use super::{access::by_office, authenticate::caller_of, messages, observed::observe};
use crate::{
    access::Invalid,
    approval::{NotDone, Office},
    entropy::Entropy,
    pb::{self, RestrictionGround, rights_service_server::RightsService},
    pseudonym::SubjectIdentifier,
    rights::{Ground, Listed, NewRestriction, TOLD_ON, UNKNOWN},
};
use jiff::civil::Date;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// Serves those who carry out rights of subjects.
pub(super) struct RightsEdge {
    pub(super) office: Arc<Office>,
    pub(super) entropy: Arc<dyn Entropy>,
}

const GROUND: Invalid = Invalid::of("ground", "one of the grounds of article 33");

#[tonic::async_trait]
impl RightsService for RightsEdge {
    async fn restrict(&self, request: Request<pb::RestrictRequest>) -> Result<Response<pb::RestrictResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.office.control);
        let pb::RestrictRequest { terms, identifier, ground } = request;
        let (identifier, terms) = (Zeroizing::new(identifier), messages::terms(terms));
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("restrict", trace);
        let restricting = by_office(office, &caller, Some(&terms), &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            let subject = subject(office, identifier)?;
            let ground = ground_of(ground).ok_or(NotDone::Invalid(GROUND))?;
            office.restrict(&caller, &terms, subject, ground, &trace).await
        });
        let NewRestriction { id, receipt } = restricting.await?;
        let receipt = Some(pb::Receipt::from(&receipt));
        Ok(Response::new(pb::RestrictResponse { id: id.to_string(), receipt }))
    }

    async fn lift_restriction(
        &self,
        request: Request<pb::LiftRestrictionRequest>,
    ) -> Result<Response<pb::LiftRestrictionResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.office.control);
        let pb::LiftRestrictionRequest { terms, identifier, restriction, subject_told_on } = request;
        let (identifier, terms) = (Zeroizing::new(identifier), messages::terms(terms));
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("lift_restriction", trace);
        let lifting = by_office(office, &caller, Some(&terms), &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            let subject = subject(office, identifier)?;
            let id = restriction.as_str().try_into().map_err(|_| NotDone::Invalid(UNKNOWN))?;
            let told_on = subject_told_on.parse::<Date>().ok().filter(|day| day.to_string() == subject_told_on);
            let told_on = told_on.ok_or(NotDone::Invalid(TOLD_ON))?;
            office.lift(&caller, &terms, subject, (id, told_on), &trace).await
        });
        Ok(Response::new(pb::LiftRestrictionResponse { receipt: Some(pb::Receipt::from(&lifting.await?)) }))
    }

    async fn list_restrictions(
        &self,
        request: Request<pb::ListRestrictionsRequest>,
    ) -> Result<Response<pb::ListRestrictionsResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.office.control);
        let pb::ListRestrictionsRequest { terms, identifier } = request;
        let (identifier, terms) = (Zeroizing::new(identifier), messages::terms(terms));
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("list_restrictions", trace);
        let listing = by_office(office, &caller, Some(&terms), &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            office.restrictions(&caller, &terms, subject(office, identifier)?, &trace).await
        });
        let Listed { answer, receipt } = listing.await?;
        Ok(Response::new(pb::ListRestrictionsResponse { answer, receipt: Some(pb::Receipt::from(&receipt)) }))
    }
}

fn subject(office: &Office, identifier: Zeroizing<String>) -> Result<SubjectIdentifier, NotDone> {
    messages::identifier(identifier, &office.control.in_force().policy.catalogue).map_err(NotDone::Invalid)
}

fn ground_of(message: i32) -> Option<Ground> {
    match RestrictionGround::try_from(message).ok()? {
        RestrictionGround::Unspecified => None,
        RestrictionGround::AccuracyContested => Some(Ground::AccuracyContested),
        RestrictionGround::UnlawfulUse => Some(Ground::UnlawfulUse),
        RestrictionGround::LegalClaims => Some(Ground::LegalClaims),
        RestrictionGround::Objection => Some(Ground::Objection),
        RestrictionGround::Evidence => Some(Ground::Evidence),
    }
}
