//! Callers over gRPC and TLS, several on a connection, each waiting for its answer before it asks again.

use super::{
    subjects::Subjects,
    window::{Answer, now},
};
use anyhow::{Context, ensure};
use disown::pb::{self, access_service_client::AccessServiceClient, query_request::Subject};
use prost::Message;
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
        tls: &ClientTlsConfig,
        token: &str,
        about: Subjects,
        callers: usize,
    ) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let connections = callers.div_ceil(ON_A_CONNECTION);
        let channels = (0..connections).map(|_| runtime.block_on(connect(address, tls)));
        let channels = channels.collect::<anyhow::Result<Vec<_>>>()?;
        let callers = (0..callers).map(|number| {
            let channel = channels[number % connections].clone();
            runtime.spawn(ask(channel, token.to_owned(), about, number, over.clone()))
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
    let port = address.rsplit(':').next().context("an address without a port")?;
    Ok(Endpoint::from_shared(format!("https://127.0.0.1:{port}"))?.tls_config(tls.clone())?.connect().await?)
}

async fn ask(
    channel: Channel,
    token: String,
    about: Subjects,
    number: usize,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Vec<Answer>> {
    let mut client = AccessServiceClient::new(channel);
    let mut answers = Vec::new();
    let mut state = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while !over.load(Ordering::Relaxed) {
        // xorshift: another subject each time, in an order that no cache foresees.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let subject = Some(Subject::Identifier(format!("jy:{}", about.identifier((state >> 32) as usize))));
        let fields = FIELDS.map(str::to_owned).to_vec();
        let question = pb::QueryRequest {
            terms: terms(ROLE, PURPOSE, "clinical-care", CASE),
            subject,
            fields,
            ..Default::default()
        };
        let request = with_token(&token, question)?;
        let start = Instant::now();
        let response = client.query(request).await?.into_inner();
        answers.push(Answer { at: now()?, took: start.elapsed() });
        if answers.len() == 1 {
            assert_linked(&response)?;
        }
    }
    Ok(answers)
}

/// What is measured is an answer out of three datasets, with a receipt.
fn assert_linked(response: &pb::QueryResponse) -> anyhow::Result<()> {
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
