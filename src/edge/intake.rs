//! `IntakeService`: records in; rejections and receipts out.

use super::{access::told, authenticate::caller_of, messages, observed::observe, status::Failure};
use crate::{
    access::{Invalid, Refused, Unanswered, refuse_invalid},
    dataset::{Source, catalogue::RecordTypeId},
    entropy::Entropy,
    identity::Caller,
    intake::{Broken, Checked, Delivery, Header, Intake, Load, NotOpened, Rejected},
    pb::{self, intake_service_server::IntakeService, load_response::Report},
    policy::Terms,
};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};
use zeroize::Zeroize;

/// Serves intake.
pub(super) struct IntakeEdge {
    pub(super) intake: Arc<Intake>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// A delivery under way.
struct Loading {
    delivery: Delivery,
    header: Header,
    reports: mpsc::Sender<Result<pb::LoadResponse, Status>>,
}

/// Who delivers, for refusals.
struct Asker {
    caller: Caller,
    terms: Terms,
    trace: String,
}

const SOURCE: Invalid =
    Invalid::of("source", "1 to 100 characters that say where the records come from, and no subject identifier");
const OTHER_SOURCE: Invalid = Invalid::of(
    "source",
    "one that the agreement lists in `sources`; where it lists none, one that no agreement names",
);
const RECORD_TYPE: Invalid = Invalid::of("record_type", "a record type of the catalogue, `dataset.record_type`");
const DATASET: Invalid = Invalid::of("dataset", "a dataset of the catalogue");
const COLUMNS: Invalid = Invalid::of("columns", "every column of the dataset, in any order, and no other");
const ROW: Invalid = Invalid::of("row", "at most 1 MiB");
const LOAD: Invalid = Invalid::of("row", "at most 4,000,000 rows and 4 GiB in a load: send them as several");
const MALFORMED: Invalid = Invalid::of("row", "not a part of a load");
const START: Invalid = Invalid::of("start", "a load begins with its start, and has one");

#[tonic::async_trait]
impl IntakeService for IntakeEdge {
    async fn put(&self, request: Request<pb::PutRequest>) -> Result<Response<pb::PutResponse>, Status> {
        let caller = caller_of(&request)?;
        let request = request.into_inner();
        let asker =
            Asker { caller, terms: messages::terms(request.terms.clone()), trace: messages::trace(&*self.entropy) };
        let intake = self.intake.clone();
        let mut observed = observe!("put", asker.trace);
        Ok(Response::new(observed.follow(Box::pin(async { put(&intake, &asker, request).await })).await?))
    }

    type LoadStream = ReceiverStream<Result<pb::LoadResponse, Status>>;

    async fn load(&self, request: Request<Streaming<pb::LoadRequest>>) -> Result<Response<Self::LoadStream>, Status> {
        let caller = caller_of(&request)?;
        let mut stream = request.into_inner();
        let Some(pb::LoadRequest { part: Some(pb::load_request::Part::Start(start)) }) = stream.message().await? else {
            let asker = Asker { caller, terms: Terms::default(), trace: messages::trace(&*self.entropy) };
            let mut observed = observe!("load", asker.trace);
            let refused = observed.follow(Box::pin(async { Err(invalid(&self.intake, &asker, START).await) })).await;
            return Ok(Response::new(refused?));
        };
        let asker =
            Asker { caller, terms: messages::terms(start.terms.clone()), trace: messages::trace(&*self.entropy) };
        let (reports, answers) = mpsc::channel(64);
        let mut observed = observe!("load", asker.trace);
        let loading = observed.follow(Box::pin(begin(&self.intake, &asker, start, None, reports))).await?;
        let intake = self.intake.clone();
        tokio::spawn(async move {
            let received = observed.follow(Box::pin(receive(&intake, &asker, &loading, stream))).await;
            // Counted before the client hears of the end.
            drop(observed);
            if let Err(failure) = received {
                let _ = loading.reports.send(Err(failure.into())).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}

async fn put(intake: &Intake, asker: &Asker, request: pb::PutRequest) -> Result<pb::PutResponse, Failure> {
    let pb::PutRequest { record_type, mut values, source, .. } = request;
    let in_force = intake.control.in_force();
    let catalogue = &in_force.policy.catalogue;
    let Some(only) = catalogue.record_type_named(&record_type) else {
        return Err(invalid(intake, asker, RECORD_TYPE).await);
    };
    let named = catalogue.record_type(only);
    let spec = catalogue.dataset(named.dataset);
    // The record type is an argument here, not a column.
    if let Some(column) = &spec.record_type_column {
        values.insert(column.clone(), named.name.clone());
    }
    // Who puts one record in should not have to know of columns that it has no value for.
    for column in &spec.columns {
        values.entry(column.source_name.clone()).or_default();
    }
    let (columns, mut values): (Vec<_>, Vec<_>) =
        values.into_iter().map(|(column, value)| (column, value.into_bytes())).unzip();
    let (reports, _) = mpsc::channel(1);
    let start = pb::LoadStart { terms: None, dataset: spec.id.to_string(), columns, source };
    let loading = begin(intake, asker, start, Some(only), reports).await?;
    let checked = loading.delivery.check(&loading.header, &values);
    values.zeroize();
    let checked = match checked {
        Ok(checked) => checked,
        Err(broken) => {
            return Err(invalid(intake, asker, broken.into()).await);
        }
    };
    match intake.store(&loading.delivery, vec![(0, checked)]).await {
        Ok((Some(stored), _)) => Ok(pb::PutResponse { receipt: Some(pb::Receipt::from(&stored.receipt)) }),
        Ok((None, rejected)) => match rejected.into_iter().next() {
            Some(rejected) => Err(invalid(intake, asker, rejected.broken.into()).await),
            None => Err(Failure::Fault),
        },
        Err(unanswered) => Err(told(unanswered, &intake.log).await),
    }
}

async fn begin(
    intake: &Intake,
    asker: &Asker,
    start: pb::LoadStart,
    only: Option<RecordTypeId>,
    reports: mpsc::Sender<Result<pb::LoadResponse, Status>>,
) -> Result<Loading, Failure> {
    let in_force = intake.control.in_force();
    let catalogue = &in_force.policy.catalogue;
    let Some((dataset, spec)) = catalogue.dataset_named(&start.dataset) else {
        return Err(invalid(intake, asker, DATASET).await);
    };
    let source = start.source.trim().to_owned();
    if !Source::is_name(&source) || catalogue.holds_identifier(&source) {
        return Err(invalid(intake, asker, SOURCE).await);
    }
    let delivery = match intake.open(&asker.caller, &asker.terms, (dataset, only), source, &asker.trace) {
        Ok(delivery) => delivery,
        Err(NotOpened::Unanswered(unanswered)) => return Err(told(unanswered, &intake.log).await),
        Err(NotOpened::Source) => return Err(invalid(intake, asker, OTHER_SOURCE).await),
    };
    match Header::find(&start.columns, spec) {
        Ok(header) => Ok(Loading { delivery, header, reports }),
        Err(_) => Err(invalid(intake, asker, COLUMNS).await),
    }
}

async fn receive(
    intake: &Intake,
    asker: &Asker,
    loading: &Loading,
    mut stream: Streaming<pb::LoadRequest>,
) -> Result<(), Failure> {
    let by = (&loading.delivery, &loading.header);
    let mut load = kept(intake.begin_load().await, intake).await?;
    // Of a stream that breaks off nothing is stored; the client sees no batch.
    loop {
        let message = match stream.message().await {
            Ok(Some(message)) => message,
            Ok(None) => break,
            Err(status) if status.code() == Code::OutOfRange => return Err(invalid(intake, asker, ROW).await),
            Err(status) if status.code() == Code::InvalidArgument => {
                return Err(invalid(intake, asker, MALFORMED).await);
            }
            Err(_) => return Err(Failure::Fault),
        };
        let Some(pb::load_request::Part::Row(mut row)) = message.part else {
            return Err(invalid(intake, asker, START).await);
        };
        if load.is_full() {
            return Err(invalid(intake, asker, LOAD).await);
        }
        let taken = intake.take(by, &mut load, row.line, &row.values).await;
        row.values.zeroize();
        if let Some(rejected) = kept(taken, intake).await? {
            loading.reject(rejected).await;
        }
    }
    store(intake, loading, load).await
}

async fn store(intake: &Intake, loading: &Loading, mut load: Load) -> Result<(), Failure> {
    let by = (&loading.delivery, &loading.header);
    for rejected in kept(intake.settle(by, &mut load).await, intake).await? {
        loading.reject(rejected).await;
    }
    // A load without rows that keep the rules is asked for too whether its agreement is in force.
    let mut rows = kept(intake.next_batch(by, &mut load).await, intake).await?;
    loop {
        store_batch(intake, loading, rows).await?;
        rows = kept(intake.next_batch(by, &mut load).await, intake).await?;
        if rows.is_empty() {
            return Ok(());
        }
    }
}

async fn store_batch(intake: &Intake, loading: &Loading, rows: Vec<(u64, Checked)>) -> Result<(), Failure> {
    let (stored, rejected) = kept(intake.store(&loading.delivery, rows).await, intake).await?;
    for one in rejected {
        loading.reject(one).await;
    }
    if let Some(stored) = stored {
        let receipt = Some(pb::Receipt::from(&stored.receipt));
        loading.report(Report::Stored(pb::StoredBatch { rows: stored.records, receipt })).await;
    }
    Ok(())
}

async fn kept<T>(done: Result<T, Unanswered>, intake: &Intake) -> Result<T, Failure> {
    match done {
        Ok(done) => Ok(done),
        Err(unanswered) => Err(told(unanswered, &intake.log).await),
    }
}

impl Loading {
    async fn reject(&self, rejected: Rejected) {
        let Rejected { line, broken } = rejected;
        let rule = broken.rule.as_str().to_owned();
        self.report(Report::Rejection(pb::Rejection { line, column: broken.column, rule })).await;
    }

    /// A client that listens no longer still gets its rows stored.
    async fn report(&self, report: Report) {
        let _ = self.reports.send(Ok(pb::LoadResponse { report: Some(report) })).await;
    }
}

impl From<Broken> for Invalid {
    fn from(broken: Broken) -> Self {
        let argument = if broken.column.is_empty() { "values".to_owned() } else { format!("values.{}", broken.column) };
        Self { argument: argument.into(), rule: broken.rule.as_str() }
    }
}

async fn invalid(intake: &Intake, asker: &Asker, invalid: Invalid) -> Failure {
    let in_force = intake.control.in_force();
    let recorded: Result<Refused, _> =
        refuse_invalid(invalid, &in_force, &asker.caller, &asker.terms, &asker.trace, &intake.log).await;
    match recorded {
        Ok(refused) => refused.into(),
        Err(unavailable) => told(Unanswered::Unavailable(unavailable), &intake.log).await,
    }
}
