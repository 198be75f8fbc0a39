//! `WatchService`: subjects that are watched, and look-ups that a second person allows.

use super::{access::by_office, authenticate::caller_of, messages, observed::observe};
use crate::{
    access::Invalid,
    approval::{NotDone, Office},
    dataset::Catalogue,
    entropy::Entropy,
    pb::{self, WatchReason, watch_service_server::WatchService},
    pseudonym::SubjectIdentifier,
    watch::{LookUp, Why},
};
use jiff::civil::Date;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// Serves those who watch, and second persons.
pub(super) struct WatchEdge {
    pub(super) office: Arc<Office>,
    pub(super) entropy: Arc<dyn Entropy>,
}

const WATCH: Invalid = Invalid::of("watch", "is needed");
const WHY: Invalid = Invalid::of("why", "protected, honey, or own with organisation and caller; with no other");
const CALLER: Invalid = Invalid::of("caller", "as in its token");
const AGREEMENT: Invalid = Invalid::of("agreement", "a name of an agreement");
const UNTIL: Invalid = Invalid::of("valid_until", "a day, ISO 8601: 2026-01-31");

#[tonic::async_trait]
impl WatchService for WatchEdge {
    async fn watch_subject(
        &self,
        request: Request<pb::WatchSubjectRequest>,
    ) -> Result<Response<pb::WatchSubjectResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("watch_subject", trace);
        let (request, clean) = messages::taken(request, &office.control);
        let watching = by_office(office, &caller, None, &trace, &mut observed, async {
            let watch = watch(request.watch, &office.control.in_force().policy.catalogue);
            let (subject, why) = clean.map_err(NotDone::Invalid).and(watch)?;
            office.watch(&caller, subject, why, &trace).await
        });
        Ok(Response::new(pb::WatchSubjectResponse { receipt: Some(pb::Receipt::from(&watching.await?)) }))
    }

    async fn unwatch_subject(
        &self,
        request: Request<pb::UnwatchSubjectRequest>,
    ) -> Result<Response<pb::UnwatchSubjectResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("unwatch_subject", trace);
        let (request, clean) = messages::taken(request, &office.control);
        let unwatching = by_office(office, &caller, None, &trace, &mut observed, async {
            let watch = watch(request.watch, &office.control.in_force().policy.catalogue);
            let (subject, why) = clean.map_err(NotDone::Invalid).and(watch)?;
            office.unwatch(&caller, subject, why, &trace).await
        });
        Ok(Response::new(pb::UnwatchSubjectResponse { receipt: Some(pb::Receipt::from(&unwatching.await?)) }))
    }

    async fn allow_look_up(
        &self,
        request: Request<pb::AllowLookUpRequest>,
    ) -> Result<Response<pb::AllowLookUpResponse>, Status> {
        let caller = caller_of(&request)?;
        let (office, trace) = (&self.office.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("allow_look_up", trace);
        let (request, clean) = messages::taken(request, &office.control);
        let allowing = by_office(office, &caller, None, &trace, &mut observed, async {
            let look_up = look_up(request, &office.control.in_force().policy.catalogue);
            let (subject, look_up) = clean.map_err(NotDone::Invalid).and(look_up)?;
            office.allow(&caller, subject, look_up, &trace).await
        });
        Ok(Response::new(pb::AllowLookUpResponse { receipt: Some(pb::Receipt::from(&allowing.await?)) }))
    }
}

fn watch(message: Option<pb::Watch>, catalogue: &Catalogue) -> Result<(SubjectIdentifier, Why), NotDone> {
    let pb::Watch { identifier, why, organisation, caller } = message.ok_or(NotDone::Invalid(WATCH))?;
    let identifier = Zeroizing::new(identifier);
    let nobody = organisation.is_empty() && caller.is_empty();
    let why = match WatchReason::try_from(why) {
        Ok(WatchReason::Protected) if nobody => Why::Protected,
        Ok(WatchReason::Honey) if nobody => Why::Honey,
        Ok(WatchReason::Own) => {
            let named = organisation.as_str().try_into().ok().zip(caller.as_str().try_into().ok());
            let (organisation, caller) = named.ok_or(NotDone::Invalid(WHY))?;
            Why::Own { organisation, caller }
        }
        _ => return Err(NotDone::Invalid(WHY)),
    };
    Ok((messages::identifier(identifier, catalogue).map_err(NotDone::Invalid)?, why))
}

fn look_up(message: pb::AllowLookUpRequest, catalogue: &Catalogue) -> Result<(SubjectIdentifier, LookUp), NotDone> {
    let pb::AllowLookUpRequest { identifier, caller, agreement, case_reference, valid_until, reason } = message;
    let identifier = Zeroizing::new(identifier);
    let until = valid_until.parse::<Date>().ok().filter(|day| day.to_string() == valid_until);
    let look_up = LookUp {
        caller: caller.as_str().try_into().map_err(|_| NotDone::Invalid(CALLER))?,
        agreement: agreement.as_str().try_into().map_err(|_| NotDone::Invalid(AGREEMENT))?,
        case_reference,
        until: until.ok_or(NotDone::Invalid(UNTIL))?,
        reason,
    };
    Ok((messages::identifier(identifier, catalogue).map_err(NotDone::Invalid)?, look_up))
}
