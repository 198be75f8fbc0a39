//! `AgreementService`: what approvers do, and where agreements stand.

use super::{access::not_done, authenticate::caller_of, messages, observed::observe};
use crate::{
    access::Invalid,
    approval::{self, Asked, Deed, History, Matter, NotDone, Register, Shown},
    entropy::Entropy,
    pb::{self, agreement_service_server::AgreementService},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Serves approvers.
pub(super) struct AgreementEdge {
    pub(super) register: Arc<Register>,
    pub(super) entropy: Arc<dyn Entropy>,
}

const MATTER: Invalid = Invalid::of("agreement", "an agreement, or none and a dataset");
const DEED: Invalid =
    Invalid::of("deed", "one of the deeds, with a version or a dataset where it needs one and with nothing else");
const SIGNATURE: Invalid = Invalid::of("signature", "64 bytes");
const VERSION: Invalid = Invalid::of("version", "64 hexadecimal digits");

#[tonic::async_trait]
impl AgreementService for AgreementEdge {
    async fn act(&self, request: Request<pb::ActRequest>) -> Result<Response<pb::ActResponse>, Status> {
        let caller = caller_of(&request)?;
        let (register, trace) = (self.register.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("act", trace);
        let (request, clean) = messages::taken(request, &register.control);
        let acting = observed.follow(Box::pin(async {
            let acted = match clean.and_then(|()| asked(request)) {
                Ok(asked) => register.act(&caller, asked, &trace).await,
                Err(invalid) => Err(NotDone::Invalid(invalid)),
            };
            match acted {
                Ok(receipt) => Ok(receipt),
                Err(not_acted) => {
                    Err(not_done(not_acted, &caller, None, &trace, &register.control, &register.log).await)
                }
            }
        }));
        Ok(Response::new(pb::ActResponse { receipt: Some(pb::Receipt::from(&acting.await?)) }))
    }

    async fn show_agreement(
        &self,
        request: Request<pb::ShowAgreementRequest>,
    ) -> Result<Response<pb::ShowAgreementResponse>, Status> {
        let caller = caller_of(&request)?;
        let (register, trace) = (self.register.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("show_agreement", trace);
        let (request, clean) = messages::taken(request, &register.control);
        let pb::ShowAgreementRequest { agreement, dataset, version, policy } = request;
        let showing = observed.follow(Box::pin(async {
            let version = (!version.is_empty()).then_some(version.as_str());
            let matter = clean.and_then(|()| matter(&agreement, &dataset, policy));
            let shown = match (matter, version.is_none_or(|raw| raw.len() == 64)) {
                (Ok(matter), true) => {
                    register.show(&caller, &matter, version, &trace).await.map(|shown| (matter, shown))
                }
                (Ok(_), false) => Err(NotDone::Invalid(VERSION)),
                (Err(invalid), _) => Err(NotDone::Invalid(invalid)),
            };
            match shown {
                Ok((matter, shown)) => Ok(response(&register, &matter, &shown)),
                Err(not_acted) => {
                    Err(not_done(not_acted, &caller, None, &trace, &register.control, &register.log).await)
                }
            }
        }));
        Ok(Response::new(showing.await?))
    }
}

fn matter(agreement: &str, dataset: &str, policy: bool) -> Result<Matter, Invalid> {
    let named = match (agreement, dataset) {
        ("", "") if policy => Ok(Matter::Policy),
        _ if policy => return Err(MATTER),
        ("", dataset) => dataset.try_into().map(Matter::Dataset),
        (agreement, _) => agreement.try_into().map(Matter::Agreement),
    };
    named.map_err(|_| MATTER)
}

fn asked(request: pb::ActRequest) -> Result<Asked, Invalid> {
    let pb::ActRequest { agreement, deed, version, dataset, number, reason, signature, policy } = request;
    let matter = matter(&agreement, &dataset, policy)?;
    let name = pb::Deed::try_from(deed).map_err(|_| DEED)?.name();
    let deed = Deed::parse(&name, if version.is_empty() { &dataset } else { &version }).ok_or(DEED)?;
    Ok(Asked { matter, number, deed, reason, signature: signature.try_into().map_err(|_| SIGNATURE)? })
}

impl From<&Deed> for pb::Deed {
    fn from(deed: &Deed) -> Self {
        match deed {
            Deed::Propose(_) => pb::Deed::Propose,
            Deed::Approve(_) => pb::Deed::Approve,
            Deed::See(_) => pb::Deed::See,
            Deed::Suspend => pb::Deed::Suspend,
            Deed::Terminate => pb::Deed::Terminate,
            Deed::Withdraw(_) => pb::Deed::Withdraw,
            Deed::Restore(_) => pb::Deed::Restore,
        }
    }
}

impl pb::Deed {
    /// As a deed is called everywhere else.
    pub(crate) fn name(self) -> String {
        self.as_str_name().trim_start_matches("DEED_").to_lowercase()
    }
}

impl From<&Matter> for pb::ShowAgreementRequest {
    fn from(matter: &Matter) -> Self {
        match matter {
            Matter::Agreement(id) => Self { agreement: id.to_string(), ..Self::default() },
            Matter::Dataset(id) => Self { dataset: id.to_string(), ..Self::default() },
            Matter::Policy => Self { policy: true, ..Self::default() },
        }
    }
}

impl From<&approval::Act> for pb::ActRequest {
    fn from(act: &approval::Act) -> Self {
        let pb::ShowAgreementRequest { agreement, dataset: of_all, policy, .. } = (&act.matter).into();
        let object = act.deed.object().to_owned();
        let (version, dataset) = match &act.deed {
            Deed::Propose(_) | Deed::Approve(_) | Deed::See(_) => (object, of_all),
            Deed::Withdraw(_) | Deed::Restore(_) => (String::new(), object),
            Deed::Suspend | Deed::Terminate => (String::new(), of_all),
        };
        Self {
            agreement,
            deed: pb::Deed::from(&act.deed).into(),
            version,
            dataset,
            number: act.number,
            reason: act.reason.clone(),
            signature: act.signature.to_vec(),
            policy,
        }
    }
}

fn response(register: &Register, matter: &Matter, shown: &Shown) -> pb::ShowAgreementResponse {
    let Shown { in_force, approved, drafted, missing, text, approver, today } = shown;
    let history = in_force.histories.of(matter);
    let proposal = history.and_then(|history| history.proposals().next()).map(|proposal| pb::Proposal {
        version: proposal.version.clone(),
        approved_by: proposal.approved.iter().map(ToString::to_string).collect(),
        seen_by: proposal.seen.iter().map(ToString::to_string).collect(),
        missing: missing.clone(),
    });
    let (running, withdrawn) = match matter {
        Matter::Agreement(id) => (
            in_force.agreement(id.as_str()).is_some_and(|agreement| agreement.in_force_on(*today)),
            in_force.histories.withdrawn(id).map(ToString::to_string).collect(),
        ),
        Matter::Policy => (false, vec![]),
        Matter::Dataset(_) => {
            (false, history.into_iter().flat_map(History::withdrawn).map(ToString::to_string).collect())
        }
    };
    let version = |agreement: &Option<Arc<_>>| {
        agreement
            .as_ref()
            .map(|agreement: &Arc<crate::policy::Agreement>| agreement.version.clone())
            .unwrap_or_default()
    };
    pb::ShowAgreementResponse {
        standing: history
            .map_or(approval::Standing::Draft, |history| history.standing(approved.is_some()))
            .as_str()
            .to_owned(),
        approved_version: version(approved),
        in_force: running,
        file_version: version(drafted),
        proposal,
        withdrawn,
        acts: history.into_iter().flat_map(History::acts).map(act).collect(),
        next_act: in_force.histories.next(matter),
        log: register.control.archive.log.clone(),
        approver: approver.to_string(),
        review_overdue: approved.as_ref().is_some_and(|agreement| agreement.review_overdue_on(*today)),
        text: text.as_ref().map(|agreement| agreement.text.clone()).unwrap_or_default(),
    }
}

fn act(act: &approval::Act) -> pb::Act {
    pb::Act {
        number: act.number,
        deed: pb::Deed::from(&act.deed).into(),
        object: act.deed.object().to_owned(),
        approver: act.approver.to_string(),
        reason: act.reason.clone(),
    }
}
