//! Callers over gRPC and TLS, several on a connection, each waiting for its answer before it asks again.

use crate::{
    laid_out::LaidOut,
    question::{CASE, FIRST, PURPOSE, ROLE, SUBJECTS, identifier},
    window::{Answer, now},
};
use anyhow::{Context, ensure};
use disown::pb::{
    self, access_service_client::AccessServiceClient, intake_service_client::IntakeServiceClient, load_request::Part,
    query_request::Subject,
};
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

/// The records of `question.rs`, and no other.
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
        callers: usize,
    ) -> anyhow::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let connections = callers.div_ceil(ON_A_CONNECTION);
        let channels = (0..connections).map(|_| runtime.block_on(connect(address, tls)));
        let channels = channels.collect::<anyhow::Result<Vec<_>>>()?;
        let callers = (0..callers).map(|number| {
            let channel = channels[number % connections].clone();
            runtime.spawn(ask(channel, token.to_owned(), number, over.clone()))
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

async fn connect(address: &str, tls: &ClientTlsConfig) -> anyhow::Result<Channel> {
    let port = address.rsplit(':').next().context("an address without a port")?;
    Ok(Endpoint::from_shared(format!("https://127.0.0.1:{port}"))?.tls_config(tls.clone())?.connect().await?)
}

async fn ask(channel: Channel, token: String, number: usize, over: Arc<AtomicBool>) -> anyhow::Result<Vec<Answer>> {
    let mut client = AccessServiceClient::new(channel);
    let mut answers = Vec::new();
    let mut state = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while !over.load(Ordering::Relaxed) {
        // xorshift: another subject each time, in an order that no cache foresees.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let subject = Some(Subject::Identifier(format!("jy:{}", identifier((state >> 32) as usize))));
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

/// Puts in what the merged database has.
pub async fn fill(address: &str, tls: &ClientTlsConfig, laid_out: &LaidOut) -> anyhow::Result<()> {
    let (mut people, mut clinical, mut public_health) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..SUBJECTS {
        let (number, source) = (identifier(at), FIRST + at);
        let day = |from: &str, span: usize| -> anyhow::Result<jiff::civil::Date> {
            let from: jiff::civil::Date = from.parse()?;
            Ok(from.saturating_add(jiff::Span::new().days(i64::try_from(at % span)?)))
        };
        people.push(format!(
            "{number},Marie,Le Brocq,{},F,JE,{source} La Grande Rue,St Helier,JE2 3AB,07700 900001,marie@example.org,2019-04-01",
            day("1930-01-01", 30_000)?
        ));
        for (nth, record_type, code, description, value, unit, status) in [
            (1, "condition", "195967001", "Asthma", "", "", "active"),
            (2, "condition", "38341003", "Hypertensive disorder", "", "", "active"),
            (3, "medication", "372897005", "Salbutamol 100 micrograms inhaler", "", "", "active"),
            (4, "test_result", "840533007", "SARS-CoV-2 RNA", "negative", "", "final"),
            (5, "immunisation", "840534001", "SARS-CoV-2 vaccination", "1", "dose", "completed"),
        ] {
            clinical.push(format!(
                "C{source}-{nth},{number},{record_type},SNOMED,{code},{description},{},,{value},{unit},{status},GP surgery A",
                day("2015-03-01", 2_000)?
            ));
        }
        let (begun, over) = (day("2026-01-02", 200)?, day("2026-01-12", 200)?);
        for (nth, record_type, category, place, detail) in [
            (1, "isolation", "positive_test", "", ""),
            (2, "isolation", "contact", "", ""),
            (3, "case_investigation", "confirmed", "", "interviewed by telephone"),
            (4, "contact", "household", "home", ""),
        ] {
            let until = if record_type == "isolation" { over.to_string() } else { String::new() };
            public_health.push(format!(
                "H{source}-{nth},{number},{record_type},{begun},{until},{category},{place},St Helier,,,{detail}"
            ));
        }
    }
    let mut client = IntakeServiceClient::new(connect(address, tls).await?);
    let token = laid_out.token("registry-feed", "government-of-jersey", "registrar")?;
    for (dataset, header, rows) in [
        (
            "people",
            "jy_number,given_name,family_name,date_of_birth,sex,place_of_birth,address_line,parish,postcode,phone,email,registered_on",
            people,
        ),
        (
            "clinical",
            "record_id,jy_number,record_type,code_system,code,description,event_date,end_date,value,unit,status,site",
            clinical,
        ),
        (
            "public_health",
            "record_id,jy_number,record_type,event_date,end_date,category,place,parish_or_port,contact_jy_number,test_result,detail",
            public_health,
        ),
    ] {
        let start = pb::LoadStart {
            terms: terms("registrar", "registration", "registers", "REG-2026-01"),
            dataset: dataset.to_owned(),
            columns: header.split(',').map(str::to_owned).collect(),
            source: "benchmark".to_owned(),
        };
        let expected = rows.len() as u64;
        let rows = rows.into_iter().zip(2..).map(|(row, line)| {
            Part::Row(pb::Row { line, values: row.split(',').map(|value| value.as_bytes().to_vec()).collect() })
        });
        let parts = std::iter::once(Part::Start(start)).chain(rows);
        let messages: Vec<_> = parts.map(|part| pb::LoadRequest { part: Some(part) }).collect();
        let mut reports = client.load(with_token(&token, tokio_stream::iter(messages))?).await?.into_inner();
        let mut stored = 0;
        while let Some(report) = reports.message().await? {
            match report.report.context("an empty report")? {
                pb::load_response::Report::Stored(batch) => stored += batch.rows,
                pb::load_response::Report::Rejection(rejection) => {
                    anyhow::bail!("{dataset}, line {}: {} {}", rejection.line, rejection.column, rejection.rule)
                }
            }
        }
        ensure!(stored == expected, "{stored} of {expected} records of {dataset} are stored");
    }
    Ok(())
}

fn terms(role: &str, purpose: &str, agreement: &str, case_reference: &str) -> Option<pb::Terms> {
    let [role, purpose, agreement, case_reference] = [role, purpose, agreement, case_reference].map(str::to_owned);
    Some(pb::Terms { role, purpose, agreement, case_reference })
}

fn with_token<T>(token: &str, message: T) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    Ok(request)
}
