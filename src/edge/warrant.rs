//! `WarrantService`: warrants, registered, entered again, revoked.

use super::{access::by_office, authenticate::caller_of, messages, observed::observe};
use crate::{
    access::Invalid,
    approval::{NotDone, Office},
    dataset::Catalogue,
    entropy::Entropy,
    pb::{self, warrant_service_server::WarrantService},
    warrant::{Entered, ShownWarrant, Terms},
};
use jiff::civil::Date;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// Serves those who keep warrants.
pub(super) struct WarrantEdge {
    pub(super) office: Arc<Office>,
    pub(super) entropy: Arc<dyn Entropy>,
}

const WARRANT: Invalid = Invalid::of("warrant", "is needed");
const AGREEMENT: Invalid = Invalid::of("agreement", "an agreement of the policy folder");
const SUBJECTS: Invalid = Invalid::of("identifiers", "1 to 100 subject identifiers");
const DAYS: Invalid = Invalid::of("valid_from, valid_until", "days, ISO 8601: 2026-01-31");

#[tonic::async_trait]
impl WarrantService for WarrantEdge {
    async fn register_warrant(
        &self,
        request: Request<pb::RegisterWarrantRequest>,
    ) -> Result<Response<pb::RegisterWarrantResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("register_warrant", trace);
        let (request, clean) = messages::taken(request, &office.control);
        let registering = by_office(office, &caller, None, &trace, &mut observed, async {
            let entered = entered(request.warrant, &office.control.in_force().policy.catalogue);
            let entered = clean.and(entered).map_err(NotDone::Invalid)?;
            office.register(&caller, entered, &trace).await
        });
        let (id, receipt) = registering.await?;
        let receipt = Some(pb::Receipt::from(&receipt));
        Ok(Response::new(pb::RegisterWarrantResponse { id: id.to_string(), receipt }))
    }

    async fn confirm_warrant(
        &self,
        request: Request<pb::ConfirmWarrantRequest>,
    ) -> Result<Response<pb::ConfirmWarrantResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("confirm_warrant", trace);
        let (request, clean) = messages::taken(request, &office.control);
        let pb::ConfirmWarrantRequest { id, warrant } = request;
        let confirming = by_office(office, &caller, None, &trace, &mut observed, async {
            let entered = entered(warrant, &office.control.in_force().policy.catalogue);
            let entered = clean.and(entered).map_err(NotDone::Invalid)?;
            office.confirm(&caller, &id, entered, &trace).await
        });
        Ok(Response::new(pb::ConfirmWarrantResponse { receipt: Some(pb::Receipt::from(&confirming.await?)) }))
    }

    async fn revoke_warrant(
        &self,
        request: Request<pb::RevokeWarrantRequest>,
    ) -> Result<Response<pb::RevokeWarrantResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("revoke_warrant", trace);
        let (pb::RevokeWarrantRequest { id }, clean) = messages::taken(request, &office.control);
        let revoking = by_office(office, &caller, None, &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            office.revoke(&caller, &id, &trace).await
        });
        Ok(Response::new(pb::RevokeWarrantResponse { receipt: Some(pb::Receipt::from(&revoking.await?)) }))
    }

    async fn show_warrant(
        &self,
        request: Request<pb::ShowWarrantRequest>,
    ) -> Result<Response<pb::ShowWarrantResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("show_warrant", trace);
        let (pb::ShowWarrantRequest { id }, clean) = messages::taken(request, &office.control);
        let showing = by_office(office, &caller, None, &trace, &mut observed, async {
            clean.map_err(NotDone::Invalid)?;
            office.show(&caller, &id, &trace)
        });
        Ok(Response::new(response(&showing.await?)))
    }
}

fn entered(message: Option<pb::Warrant>, catalogue: &Catalogue) -> Result<Entered, Invalid> {
    let pb::Warrant { court, reference, agreement, case_reference, identifiers, fields, valid_from, valid_until, uses } =
        message.ok_or(WARRANT)?;
    let identifiers: Vec<_> = identifiers.into_iter().map(Zeroizing::new).collect();
    if !(1..=100).contains(&identifiers.len()) {
        return Err(SUBJECTS);
    }
    let subjects = identifiers.into_iter().map(|raw| messages::identifier(raw, catalogue)).collect::<Result<_, _>>()?;
    let day = |raw: &str| raw.parse::<Date>().ok().filter(|day| day.to_string() == raw).ok_or(DAYS);
    let terms = Terms {
        court,
        reference,
        agreement: agreement.as_str().try_into().map_err(|_| AGREEMENT)?,
        case_reference,
        subjects: Default::default(),
        fields: fields.into_iter().collect(),
        from: day(&valid_from)?,
        until: day(&valid_until)?,
        uses,
    };
    Ok(Entered { terms, subjects })
}

fn response(shown: &ShownWarrant) -> pb::ShowWarrantResponse {
    let ShownWarrant { warrant, standing } = shown;
    let terms = &warrant.terms;
    pb::ShowWarrantResponse {
        standing: (*standing).to_owned(),
        court: terms.court.clone(),
        reference: terms.reference.clone(),
        agreement: terms.agreement.to_string(),
        case_reference: terms.case_reference.clone(),
        fields: terms.fields.iter().cloned().collect(),
        subjects: terms.subjects.len() as u64,
        valid_from: terms.from.to_string(),
        valid_until: terms.until.to_string(),
        uses: terms.uses,
        used: warrant.used,
        registered_by: warrant.registered_by.to_string(),
        confirmed_by: warrant.confirmed_by.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}
