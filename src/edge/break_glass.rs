//! `BreakGlassService`: glass broken, and that reviewed.

use super::{access::by_office, authenticate::caller_of, messages, observed::observe};
use crate::{
    access::Invalid,
    approval::{NotDone, Office},
    break_glass::Use,
    entropy::Entropy,
    ids::{CallerId, OrganisationId},
    pb::{self, break_glass_service_server::BreakGlassService},
    policy::Terms,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// Serves those who cannot wait, and who reviews what they did.
pub(super) struct BreakGlassEdge {
    pub(super) office: Arc<Office>,
    pub(super) entropy: Arc<dyn Entropy>,
}

const CALLER: Invalid = Invalid::of("organisation, caller", "as in the list of what waits for review");

#[tonic::async_trait]
impl BreakGlassService for BreakGlassEdge {
    async fn break_glass(
        &self,
        request: Request<pb::BreakGlassRequest>,
    ) -> Result<Response<pb::BreakGlassResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.office.control);
        let pb::BreakGlassRequest { terms, identifier, reason, acknowledged } = request;
        let identifier = Zeroizing::new(identifier);
        let terms = Terms { acknowledged, ..messages::terms(terms) };
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("break_glass", trace);
        let breaking = by_office(office, &caller, Some(&terms), &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            let catalogue = office.control.in_force().policy.catalogue.clone();
            let subject = messages::identifier(identifier, &catalogue).map_err(NotDone::Invalid)?;
            office.break_glass(&caller, &terms, subject, reason, &trace).await
        });
        let (until, receipt) = breaking.await?;
        let (until, receipt) = (until.to_string(), Some(pb::Receipt::from(&receipt)));
        Ok(Response::new(pb::BreakGlassResponse { until, receipt }))
    }

    async fn list_unreviewed(
        &self,
        request: Request<pb::ListUnreviewedRequest>,
    ) -> Result<Response<pb::ListUnreviewedResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("list_unreviewed", trace);
        let (pb::ListUnreviewedRequest {}, clean) = messages::taken(request, &office.control);
        let listing = by_office(office, &caller, None, &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            office.unreviewed(&caller, &trace)
        });
        Ok(Response::new(pb::ListUnreviewedResponse { uses: listing.await?.iter().map(used).collect() }))
    }

    async fn review_use(
        &self,
        request: Request<pb::ReviewUseRequest>,
    ) -> Result<Response<pb::ReviewUseResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("review_use", trace);
        let (request, clean) = messages::taken(request, &office.control);
        let reviewing = by_office(office, &caller, None, &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            let pb::ReviewUseRequest { organisation, caller: of, justified, words } = request;
            let named = organisation.as_str().try_into().ok().zip(of.as_str().try_into().ok());
            let (organisation, of) = named.ok_or(NotDone::Invalid(CALLER))?;
            office.review(&caller, (&organisation, &of), (justified, words), &trace).await
        });
        Ok(Response::new(pb::ReviewUseResponse { receipt: Some(pb::Receipt::from(&reviewing.await?)) }))
    }
}

fn used((organisation, caller, used): &(OrganisationId, CallerId, Use)) -> pb::BreakGlassUse {
    pb::BreakGlassUse {
        organisation: organisation.to_string(),
        caller: caller.to_string(),
        role: used.role.to_string(),
        agreement: used.agreement.to_string(),
        case_reference: used.case_reference.clone(),
        reason: used.reason.clone(),
        until: used.until.to_string(),
    }
}
