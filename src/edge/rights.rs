//! `RightsService`: a subject's restriction, begun and lifted.

use super::{access::told, authenticate::caller_of, messages, observed::observe, status::Failure};
use crate::{
    access::{Invalid, refuse_invalid},
    access_log::Receipt,
    clock::today,
    entropy::Entropy,
    identity::Caller,
    pb::{self, RestrictionGround, rights_service_server::RightsService},
    rights::{Change, Ground, Rights},
};
use jiff::civil::Date;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// Serves those who carry out rights of subjects.
pub(super) struct RightsEdge {
    pub(super) rights: Arc<Rights>,
    pub(super) entropy: Arc<dyn Entropy>,
}

const GROUND: Invalid = Invalid::of("ground", "one of the grounds of article 33");
const TOLD_ON: Invalid =
    Invalid::of("subject_told_on", "the day on which the subject was told, ISO 8601, not later than today");

#[tonic::async_trait]
impl RightsService for RightsEdge {
    async fn restrict(&self, request: Request<pb::RestrictRequest>) -> Result<Response<pb::RestrictResponse>, Status> {
        let caller = caller_of(&request)?;
        let pb::RestrictRequest { terms, identifier, ground } = request.into_inner();
        let change = ground_of(ground).map(Change::Restrict).ok_or(GROUND);
        let (rights, trace) = (self.rights.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("restrict", trace);
        let identifier = Zeroizing::new(identifier);
        let changing =
            observed.follow(Box::pin(async { apply(&rights, &caller, terms, identifier, change, &trace).await }));
        Ok(Response::new(pb::RestrictResponse { receipt: Some(pb::Receipt::from(&changing.await?)) }))
    }

    async fn lift_restriction(
        &self,
        request: Request<pb::LiftRestrictionRequest>,
    ) -> Result<Response<pb::LiftRestrictionResponse>, Status> {
        let caller = caller_of(&request)?;
        let pb::LiftRestrictionRequest { terms, identifier, subject_told_on } = request.into_inner();
        let today = today(&*self.rights.clock, &self.rights.zone);
        let told_on: Option<Date> = subject_told_on.parse().ok();
        let change = told_on.filter(|day| day.to_string() == subject_told_on && *day <= today);
        let change = change.map(Change::Lift).ok_or(TOLD_ON);
        let (rights, trace) = (self.rights.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("lift_restriction", trace);
        let identifier = Zeroizing::new(identifier);
        let changing =
            observed.follow(Box::pin(async { apply(&rights, &caller, terms, identifier, change, &trace).await }));
        Ok(Response::new(pb::LiftRestrictionResponse { receipt: Some(pb::Receipt::from(&changing.await?)) }))
    }
}

async fn apply(
    rights: &Rights,
    caller: &Caller,
    terms: Option<pb::Terms>,
    identifier: Zeroizing<String>,
    change: Result<Change, Invalid>,
    trace: &str,
) -> Result<Receipt, Failure> {
    let in_force = rights.control.in_force();
    let terms = messages::terms(terms);
    let subject = messages::identifier(identifier, &in_force.policy.catalogue);
    match subject.and_then(|subject| Ok((subject, change?))) {
        Ok((subject, change)) => match rights.restrict(caller, &terms, subject, change, trace).await {
            Ok(receipt) => Ok(receipt),
            Err(unanswered) => Err(told(unanswered, &rights.log).await),
        },
        Err(invalid) => Err(refuse_invalid(invalid, &in_force, caller, &terms, trace, &rights.log).await?.into()),
    }
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
