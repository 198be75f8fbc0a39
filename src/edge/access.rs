//! `AccessService`: messages in, `Query`; `Released` out.

use super::{
    authenticate::caller_of,
    messages,
    observed::{Observed, observe},
    status::Failure,
};
use crate::{
    access::{Access, Invalid, Query, Released, Subject, Unanswered, refuse, refuse_invalid},
    access_log::Appender,
    approval::{NotDone, Office},
    clock::today,
    control::Control,
    dataset::{Level, catalogue::FieldId},
    entropy::Entropy,
    identity::Caller,
    pb::{self, access_service_server::AccessService},
    policy::{self, Terms},
};
use std::sync::Arc;
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

/// Serves questions.
pub(super) struct AccessEdge {
    pub(super) access: Arc<Access>,
    pub(super) entropy: Arc<dyn Entropy>,
}

#[tonic::async_trait]
impl AccessService for AccessEdge {
    async fn query(&self, request: Request<pb::QueryRequest>) -> Result<Response<pb::QueryResponse>, Status> {
        let arrived = Instant::now();
        let caller = caller_of(&request)?;
        let trace = messages::trace(&*self.entropy);
        let (access, request) = (self.access.clone(), request.into_inner());
        let mut observed = observe!("query", trace);
        let told = observed.follow(Box::pin(async { answer(&access, &caller, request, &trace).await })).await;
        let lacks = told.as_ref().map_or_else(Failure::goes_by_subject, Released::lacks);
        self.access.departures.keep(lacks, arrived).await;
        let (answer, receipt) = told?.into_parts();
        Ok(Response::new(pb::QueryResponse { answer, receipt: Some(pb::Receipt::from(&receipt)) }))
    }

    async fn describe_access(
        &self,
        request: Request<pb::DescribeAccessRequest>,
    ) -> Result<Response<pb::DescribeAccessResponse>, Status> {
        let caller = caller_of(&request)?;
        let trace = messages::trace(&*self.entropy);
        let terms = messages::terms(request.into_inner().terms);
        let access = self.access.clone();
        let mut observed = observe!("describe_access", trace);
        Ok(Response::new(observed.follow(Box::pin(async { describe(&access, &caller, &terms, &trace).await })).await?))
    }
}

async fn answer(access: &Access, caller: &Caller, request: pb::QueryRequest, trace: &str) -> Result<Released, Failure> {
    let in_force = access.control.in_force();
    let terms = messages::terms(request.terms.clone());
    match query(request, &in_force.policy.catalogue) {
        Ok(query) => match access.answer(caller, query, trace).await {
            Ok(released) => Ok(released),
            Err(unanswered) => Err(told(unanswered, &access.log).await),
        },
        Err(invalid) => Err(refuse_invalid(invalid, &in_force, caller, &terms, trace, &access.log).await?.into()),
    }
}

/// A refusal is recorded before it is told.
pub(super) async fn told(unanswered: Unanswered, log: &Appender) -> Failure {
    match unanswered {
        Unanswered::Denied(denial) => match refuse(denial, log).await {
            Ok(refused) => refused.into(),
            Err(unavailable) => unavailable.into(),
        },
        Unanswered::Unavailable(unavailable) => unavailable.into(),
        Unanswered::Fault => Failure::Fault,
    }
}

/// Does what an office is asked for; where it is not done, that is told.
pub(super) async fn by_office<T: Send>(
    office: &Office,
    caller: &Caller,
    trace: &str,
    observed: &mut Observed,
    doing: impl Future<Output = Result<T, NotDone>> + Send,
) -> Result<T, Failure> {
    let done = Box::pin(async {
        match doing.await {
            Ok(done) => Ok(done),
            Err(not) => Err(not_done(not, caller, trace, &office.control, &office.log).await),
        }
    });
    observed.follow(done).await
}

/// The same for those who ask as approvers.
pub(super) async fn not_done(
    not_done: NotDone,
    caller: &Caller,
    trace: &str,
    control: &Control,
    log: &Appender,
) -> Failure {
    match not_done {
        NotDone::Unanswered(unanswered) => told(unanswered, log).await,
        NotDone::Invalid(invalid) => {
            match refuse_invalid(invalid, &control.in_force(), caller, &Terms::default(), trace, log).await {
                Ok(refused) => refused.into(),
                Err(unavailable) => unavailable.into(),
            }
        }
    }
}

fn query(request: pb::QueryRequest, catalogue: &crate::dataset::Catalogue) -> Result<Query, Invalid> {
    let pb::QueryRequest { terms, subject, fields, view, warrant, ground, acknowledged, break_glass } = request;
    let subject = match subject {
        Some(pb::query_request::Subject::Identifier(raw)) => {
            messages::identifier(Zeroizing::new(raw), catalogue).map(Subject::Identifier)?
        }
        Some(pb::query_request::Subject::Handle(raw)) if raw.len() <= 200 => Subject::Handle(raw),
        Some(pb::query_request::Subject::Handle(_)) => {
            return Err(Invalid::of("handle", "the handle of an earlier answer"));
        }
        None => {
            return Err(Invalid::of("subject", "an identifier or a handle is needed"));
        }
    };
    let terms = Terms { warrant, ground, acknowledged, break_glass, ..messages::terms(terms) };
    Ok(Query { terms, subject, asked: messages::asked(&fields, view, catalogue)? })
}

async fn describe(
    access: &Access,
    caller: &Caller,
    terms: &Terms,
    trace: &str,
) -> Result<pb::DescribeAccessResponse, Failure> {
    let in_force = access.control.in_force();
    let today = today(&*access.clock, &access.zone);
    let described = match policy::describe(&in_force, caller, terms, trace, today) {
        Ok(described) => described,
        Err(denial) => return Err(told(denial.into(), &access.log).await),
    };
    let (catalogue, grant) = (&in_force.policy.catalogue, described.grant());
    let agreement = grant.agreement();
    let name = |field| catalogue.field(field).name.clone();
    let clause = grant.role().and_then(|role| agreement.emergency_of(role));
    let opened = |(field, level): (&FieldId, &Level)| pb::FieldAccess {
        field: name(*field),
        disclosure: pb::Disclosure::from(*level).into(),
        decided_by: policy::DecidedBy::BreakGlass.as_str().to_owned(),
        rule: format!("{}, [break_glass.fields]", agreement.id),
    };
    Ok(pb::DescribeAccessResponse {
        fields: grant
            .decisions()
            .iter()
            .map(|one| pb::FieldAccess {
                field: name(one.field),
                disclosure: pb::Disclosure::from(one.level).into(),
                decided_by: one.decided_by.as_str().to_owned(),
                rule: in_force.policy.rule_behind(grant, one),
            })
            .collect(),
        views: agreement
            .views
            .iter()
            .map(|(view, fields)| pb::View { name: view.clone(), fields: fields.iter().copied().map(name).collect() })
            .collect(),
        handling: agreement.handling.iter().map(pb::HandlingCondition::from).collect(),
        condition: agreement.condition.as_ref().map(|condition| condition.in_words(catalogue)).unwrap_or_default(),
        agreement_version: agreement.version.clone(),
        policy_version: in_force.policy.version.clone(),
        review_overdue: agreement.review_overdue_on(today),
        handling_digest: agreement.handling.digest().to_owned(),
        break_glass_fields: clause.iter().flat_map(|clause| &clause.fields).map(opened).collect(),
        break_glass_minutes: clause.map_or(0, |clause| clause.minutes.into()),
        grounds: agreement.grounds.iter().map(|ground| ground.as_str().to_owned()).collect(),
    })
}
