//! Callers over gRPC and TLS, several on a connection, each waiting for its answer before it asks again.

use super::{
    conditions::digest_of,
    connection::Connection,
    subjects::{Subjects, in_no_order},
    window::{Answer, now},
};
use anyhow::{Context, ensure};
use disown::pb::{self, query_request::Subject};
use hyper::{body::Bytes, header::HeaderValue};
use prost::Message;
use rustls::ClientConfig;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::{runtime::Runtime, task::JoinHandle};
use tonic::{
    Request,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

pub const ROLE: &str = "clinician";
pub const PURPOSE: &str = "clinical_care";
pub const CASE: &str = "ENC-20260001";
/// As the loads of other contenders have.
pub const THREADS: usize = 2;

/// The seven records of the answer, and no other.
const FIELDS: [&str; 17] = [
    "people.person.given_name",
    "people.person.family_name",
    "people.person.date_of_birth",
    "clinical.condition.code",
    "clinical.condition.description",
    "clinical.condition.event_date",
    "clinical.condition.status",
    "clinical.medication.code",
    "clinical.medication.description",
    "clinical.medication.event_date",
    "clinical.medication.status",
    "clinical.test_result.code",
    "clinical.test_result.description",
    "clinical.test_result.event_date",
    "clinical.test_result.status",
    "public_health.isolation.event_date",
    "public_health.isolation.end_date",
];

const METHOD: &str = "https://localhost/disown.v1.AccessService/Query";

/// So many callers share a connection; the broker allows it 32 requests at once.
const ON_A_CONNECTION: usize = 16;

/// Callers at work.
pub struct Asking {
    over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<anyhow::Result<Vec<Answer>>>>,
}

impl Asking {
    pub fn begin(
        runtime: &Runtime,
        address: &str,
        tls: &Arc<ClientConfig>,
        token: &str,
        about: Subjects,
        callers: usize,
    ) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let token = HeaderValue::try_from(format!("Bearer {token}"))?;
        let (port, connections) = (port(address)?, callers.div_ceil(ON_A_CONNECTION));
        let open = (0..connections).map(|_| runtime.block_on(Connection::open(port, tls)));
        let open = open.collect::<anyhow::Result<Vec<_>>>()?;
        let callers = (0..callers).map(|number| {
            let connection = open[number % connections].clone();
            runtime.spawn(ask(connection, token.clone(), about, number, over.clone()))
        });
        Ok(Self { callers: callers.collect(), over })
    }

    /// All the answers, once every caller has had its last.
    pub async fn end(self) -> anyhow::Result<Vec<Answer>> {
        self.over.store(true, Ordering::Relaxed);
        let mut answers = Vec::new();
        for caller in self.callers {
            answers.extend(caller.await??);
        }
        Ok(answers)
    }
}

pub async fn connect(address: &str, tls: &ClientTlsConfig) -> anyhow::Result<Channel> {
    Ok(Endpoint::from_shared(format!("https://127.0.0.1:{}", port(address)?))?
        .tls_config(tls.clone())?
        .connect()
        .await?)
}

fn port(address: &str) -> anyhow::Result<u16> {
    Ok(address.rsplit(':').next().context("an address without a port")?.parse()?)
}

async fn ask(
    connection: Connection,
    token: HeaderValue,
    about: Subjects,
    number: usize,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Vec<Answer>> {
    let mut question = pb::QueryRequest {
        terms: terms(ROLE, PURPOSE, "clinical-care", CASE),
        fields: FIELDS.map(str::to_owned).to_vec(),
        acknowledged: digest_of(include_str!("../../../policies/agreements/clinical-care.toml")),
        ..Default::default()
    };
    let mut answers = Vec::new();
    for at in in_no_order(number).take_while(|_| !over.load(Ordering::Relaxed)) {
        question.subject = Some(Subject::Identifier(format!("jy:{}", about.identifier(at))));
        let start = Instant::now();
        let answer = connection.ask(METHOD, &token, &question).await?;
        answers.push(Answer { at: now()?, took: start.elapsed() });
        // What arrives is looked into once, for looking costs time of the processors that are measured.
        if answers.len() == 1 {
            assert_linked(answer)?;
        }
    }
    Ok(answers)
}

/// What is measured is an answer out of three datasets, with a receipt.
fn assert_linked(response: Bytes) -> anyhow::Result<()> {
    let response = pb::QueryResponse::decode(response)?;
    let answer = pb::Answer::decode(response.answer.as_slice())?;
    let records =
        |dataset: &str| answer.records.iter().filter(|record| record.record_type.starts_with(dataset)).count();
    ensure!(
        (records("people."), records("clinical."), records("public_health.")) == (1, 4, 2),
        "an answer lacks records"
    );
    ensure!(response.receipt.is_some(), "an answer has no receipt");
    Ok(())
}

pub fn terms(role: &str, purpose: &str, agreement: &str, case_reference: &str) -> Option<pb::Terms> {
    let [role, purpose, agreement, case_reference] = [role, purpose, agreement, case_reference].map(str::to_owned);
    Some(pb::Terms { role, purpose, agreement, case_reference })
}

pub fn with_token<T>(token: &str, message: T) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    Ok(request)
}
