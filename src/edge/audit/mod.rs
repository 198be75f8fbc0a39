//! `AuditService`: holds a reader, and a recorder that can append inspections only.

mod filter;

use super::{access::told, authenticate::caller_of, messages, observed::observe, status::Failure};
use crate::{
    access::{Invalid, refuse_invalid},
    access_log::{Appender, Filter, Group, InspectionRecorder, Reader, SearchError, SubjectPart},
    clock::{Clock, today},
    control::Control,
    entropy::Entropy,
    identity::Caller,
    pb::{self, audit_service_server::AuditService},
    policy::{self, AuditGrant, LogUse, Terms},
};
use jiff::tz::TimeZone;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::Instrument;
use zeroize::Zeroizing;

/// Serves auditors.
#[derive(Clone)]
pub(super) struct AuditEdge {
    pub(super) control: Arc<Control>,
    pub(super) reader: Reader,
    pub(super) inspections: InspectionRecorder,
    /// For refusals, which are recorded by whoever refuses.
    pub(super) refusals: Appender,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) zone: TimeZone,
}

const PAGE: u32 = 200;
const BY: Invalid = Invalid::of("by", "at most 3 parts of an entry, each once");
/// A checkpoint or a proof tells nothing that a reader of any part may not know.
const ANY_USE: &[LogUse] = &[LogUse::Search, LogUse::BySubject];
const NOT_IN_TREE: Invalid = Invalid::of("index, size", "an entry and a size of the log as it is");

#[tonic::async_trait]
impl AuditService for AuditEdge {
    type SearchStream = ReceiverStream<Result<pb::SearchResponse, Status>>;

    async fn search(&self, request: Request<pb::SearchRequest>) -> Result<Response<Self::SearchStream>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.control);
        let (edge, trace) = (self.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("search", trace);
        let searching = observed.follow(Box::pin(async {
            let pb::SearchRequest { terms, filter, page_size, page } = request;
            let terms = messages::terms(terms);
            let (page_size, start) = match clean.and_then(|()| filter::page(page_size, &page)) {
                Ok(page) => page,
                Err(invalid) => return Err(edge.invalid(invalid, &caller, &terms, &trace).await),
            };
            let filter = edge.inspect(&caller, &terms, filter, &trace).await?;
            let (pages, answers) = mpsc::channel(4);
            let reading = tracing::info_span!("read");
            let asker = (caller.clone(), terms, trace.clone());
            tokio::spawn(stream(edge, asker, filter, start, page_size, pages).instrument(reading));
            Ok(answers)
        }));
        Ok(Response::new(ReceiverStream::new(searching.await?)))
    }

    async fn count(&self, request: Request<pb::CountRequest>) -> Result<Response<pb::CountResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.control);
        let pb::CountRequest { terms, filter, by } = request;
        let (edge, trace) = (self.clone(), messages::trace(&*self.entropy));
        let mut observed = observe!("count", trace);
        let counting = observed.follow(Box::pin(async {
            let terms = messages::terms(terms);
            let by = match clean.and_then(|()| filter::countable(&by).ok_or(BY)) {
                Ok(by) => by,
                Err(invalid) => return Err(edge.invalid(invalid, &caller, &terms, &trace).await),
            };
            let filter = edge.inspect(&caller, &terms, filter, &trace).await?;
            Ok(edge.reader.count(&filter, &by).await?)
        }));
        let groups = counting.await?;
        let group = |one: Group| pb::Group { values: one.values, entries: one.entries, records: one.records };
        Ok(Response::new(pb::CountResponse { groups: groups.into_iter().map(group).collect() }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<pb::GetCheckpointRequest>,
    ) -> Result<Response<pb::GetCheckpointResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.control);
        let pb::GetCheckpointRequest { terms, size } = request;
        let terms = messages::terms(terms);
        let trace = messages::trace(&*self.entropy);
        let finding = async {
            self.may_see_proofs(clean, &caller, &terms, &trace).await?;
            match self.reader.checkpoint((size > 0).then_some(size)).await? {
                Some(checkpoint) => {
                    let durability = pb::Durability::from(self.reader.durability().await?).into();
                    Ok(pb::GetCheckpointResponse { checkpoint, durability })
                }
                None => Err(self.invalid(NOT_IN_TREE, &caller, &terms, &trace).await),
            }
        };
        Ok(Response::new(observe!("get_checkpoint", trace).follow(Box::pin(finding)).await?))
    }

    async fn prove_inclusion(
        &self,
        request: Request<pb::ProveInclusionRequest>,
    ) -> Result<Response<pb::ProveInclusionResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.control);
        let pb::ProveInclusionRequest { terms, index, size } = request;
        let terms = messages::terms(terms);
        let trace = messages::trace(&*self.entropy);
        let proving = async {
            self.may_see_proofs(clean, &caller, &terms, &trace).await?;
            let found = self.reader.prove_inclusion(index, size).await;
            let (commitments, path) = self.proof(found, &caller, &terms, &trace).await?;
            Ok(pb::ProveInclusionResponse {
                leaf_hash: commitments.leaf().as_bytes().to_vec(),
                leaf_data: commitments.leaf_data(),
                path: messages::bytes(&path),
            })
        };
        Ok(Response::new(observe!("prove_inclusion", trace).follow(Box::pin(proving)).await?))
    }

    async fn prove_consistency(
        &self,
        request: Request<pb::ProveConsistencyRequest>,
    ) -> Result<Response<pb::ProveConsistencyResponse>, Status> {
        let caller = caller_of(&request)?;
        let (request, clean) = messages::taken(request, &self.control);
        let pb::ProveConsistencyRequest { terms, old_size, new_size } = request;
        let terms = messages::terms(terms);
        let trace = messages::trace(&*self.entropy);
        let proving = async {
            self.may_see_proofs(clean, &caller, &terms, &trace).await?;
            let found = self.reader.prove_consistency(old_size, new_size).await;
            let path = self.proof(found, &caller, &terms, &trace).await?;
            Ok(pb::ProveConsistencyResponse { path: messages::bytes(&path) })
        };
        Ok(Response::new(observe!("prove_consistency", trace).follow(Box::pin(proving)).await?))
    }
}

impl AuditEdge {
    /// What a search or a count needs first: leave, a filter in form, and an entry of its own before anything is found.
    async fn inspect(
        &self,
        caller: &Caller,
        terms: &Terms,
        filter: Option<pb::LogFilter>,
        trace: &str,
    ) -> Result<Filter, Failure> {
        let mut filter = filter.unwrap_or_default();
        let subject = Zeroizing::new(std::mem::take(&mut filter.subject));
        let uses = if subject.is_empty() { &[LogUse::Search] } else { &[LogUse::BySubject] };
        let grant = self.authorise(caller, terms, uses, trace).await?;
        let parsed = {
            let catalogue = &self.control.in_force().policy.catalogue.clone();
            filter::parse(filter).and_then(|filter| Ok((filter, filter::subject(subject, catalogue)?)))
        };
        let (mut filter, subject) = match parsed {
            Ok(parsed) => parsed,
            Err(invalid) => return Err(self.invalid(invalid, caller, terms, trace).await),
        };
        let mut about = SubjectPart::default();
        if let Some(subject) = subject {
            let (tags, found) = self.inspections.find(subject, &self.reader).await?;
            (filter.tags, about) = (Some(tags), found);
        }
        self.inspections.record(grant.grant().who.clone(), grant.grant().terms(), &filter, about).await?;
        Ok(filter)
    }

    async fn may_see_proofs(
        &self,
        clean: Result<(), Invalid>,
        caller: &Caller,
        terms: &Terms,
        trace: &str,
    ) -> Result<(), Failure> {
        match clean {
            Ok(()) => self.authorise(caller, terms, ANY_USE, trace).await.map(drop),
            Err(invalid) => Err(self.invalid(invalid, caller, terms, trace).await),
        }
    }

    async fn authorise(
        &self,
        caller: &Caller,
        terms: &Terms,
        uses: &[LogUse],
        trace: &str,
    ) -> Result<AuditGrant, Failure> {
        let today = today(&*self.clock, &self.zone);
        match policy::authorise_audit(&self.control.in_force(), caller, terms, uses, trace, today) {
            Ok(grant) => Ok(grant),
            Err(denial) => Err(told(denial.into(), &self.refusals).await),
        }
    }

    async fn invalid(&self, invalid: Invalid, caller: &Caller, terms: &Terms, trace: &str) -> Failure {
        match refuse_invalid(invalid, &self.control.in_force(), caller, terms, trace, &self.refusals).await {
            Ok(refused) => refused.into(),
            Err(unavailable) => unavailable.into(),
        }
    }

    async fn proof<T>(
        &self,
        found: Result<T, SearchError>,
        caller: &Caller,
        terms: &Terms,
        trace: &str,
    ) -> Result<T, Failure> {
        match found {
            Ok(proof) => Ok(proof),
            Err(SearchError::OutOfTree(_)) => Err(self.invalid(NOT_IN_TREE, caller, terms, trace).await),
            Err(error) => Err(error.into()),
        }
    }
}

/// One page where a page size was asked for, all pages otherwise.
async fn stream(
    edge: AuditEdge,
    (caller, terms, trace): (Caller, Terms, String),
    filter: Filter,
    mut start: u64,
    page_size: Option<u32>,
    pages: mpsc::Sender<Result<pb::SearchResponse, Status>>,
) {
    let uses = if filter.tags.is_some() { &[LogUse::BySubject] } else { &[LogUse::Search] };
    loop {
        let (page, more) = match edge.reader.search(&filter, start, page_size.unwrap_or(PAGE)).await {
            Ok((found, more)) => {
                start = found.last().map_or(start, |last| last.index + 1);
                let next_page = if more { start.to_string() } else { String::new() };
                (pb::SearchResponse { entries: found.into_iter().map(entry).collect(), next_page }, more)
            }
            Err(error) => {
                let _ = pages.send(Err(Failure::from(error).into())).await;
                return;
            }
        };
        if pages.send(Ok(page)).await.is_err() || !more || page_size.is_some() {
            return;
        }
        // Who reads slowly reads for long: what was granted when it began may have been taken meanwhile.
        if let Err(failure) = edge.authorise(&caller, &terms, uses, &trace).await {
            let _ = pages.send(Err(failure.into())).await;
            return;
        }
    }
}

fn entry(found: crate::access_log::Found) -> pb::LoggedEntry {
    pb::LoggedEntry {
        index: found.index,
        actor_part: found.actor.text.into_bytes(),
        actor_salt: found.actor.salt.to_vec(),
        subject_part: found.subject.text.into_bytes(),
        subject_salt: found.subject.salt.to_vec(),
        answer_commitment: found.answer_commitment.as_bytes().to_vec(),
    }
}
