//! Callers who ask the same kind of question about one subject after the other, each waiting for its answer.

use crate::{
    conditions,
    deployment::{CLINICIAN, Party, SUBJECTS, jy},
    median::{nanoseconds, percentile},
};
use anyhow::{Context, ensure};
use disown::pb::{self, access_service_client::AccessServiceClient, query_request::Subject};
use prost::Message;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tonic::{Code, Request, transport::Channel};

/// A field or more of a record type that every subject has, in each of three datasets: no answer waits for a fixed slot.
const FIELDS: [&str; 9] = [
    "people.person.given_name",
    "people.person.family_name",
    "people.person.date_of_birth",
    "clinical.condition.code",
    "clinical.condition.description",
    "clinical.condition.event_date",
    "clinical.condition.status",
    "public_health.isolation.event_date",
    "public_health.isolation.end_date",
];

/// When answers came, and how long each took.
#[derive(Default)]
pub struct Asked {
    pub answers: Vec<(Instant, Duration)>,
    pub elapsed: Duration,
    /// Told that the policy has changed, and to ask again.
    pub again: usize,
}

impl Asked {
    pub fn rate(&self) -> f64 {
        self.answers.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Nanoseconds.
    pub fn percentile(&self, part: f64) -> f64 {
        percentile(self.answers.iter().map(|(_, took)| nanoseconds(*took)), part)
    }
}

/// A server allows 64 requests at once on a connection.
pub async fn channels(address: &str, callers: usize) -> anyhow::Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..callers.div_ceil(32).max(callers.min(4)) {
        channels.push(Channel::from_shared(format!("http://{address}"))?.connect().await?);
    }
    Ok(channels)
}

pub fn with_token<T>(token: &str, message: T) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    Ok(request)
}

pub fn terms() -> pb::Terms {
    let Party { role, purpose, agreement, case, .. } = CLINICIAN;
    pb::Terms {
        role: role.to_owned(),
        purpose: purpose.to_owned(),
        agreement: agreement.to_owned(),
        case_reference: case.to_owned(),
    }
}

/// So many callers ask for so long.
pub async fn ask(address: &str, token: &str, callers: usize, lasting: Duration) -> anyhow::Result<Asked> {
    let channels = channels(address, callers).await?;
    let start = Instant::now();
    let asking: Vec<_> = channels
        .iter()
        .cycle()
        .take(callers)
        .enumerate()
        .map(|(at, channel)| tokio::spawn(caller(channel.clone(), token.to_owned(), at, start + lasting)))
        .collect();
    let mut all = Asked::default();
    for caller in asking {
        let Asked { answers, again, .. } = caller.await??;
        all.answers.extend(answers);
        all.again += again;
    }
    all.elapsed = start.elapsed();
    Ok(all)
}

async fn caller(channel: Channel, token: String, number: usize, until: Instant) -> anyhow::Result<Asked> {
    let mut client = AccessServiceClient::new(channel);
    let mut asked = Asked::default();
    let acknowledged = conditions::digest_of(include_str!("../../policies/agreements/clinical-care.toml"));
    for turn in 0.. {
        if Instant::now() >= until {
            break;
        }
        let subject = Some(Subject::Identifier(format!("jy:{}", jy((number * 131 + turn * 17) % SUBJECTS))));
        let fields = FIELDS.map(str::to_owned).to_vec();
        let acknowledged = acknowledged.clone();
        let question = pb::QueryRequest { terms: Some(terms()), subject, fields, acknowledged, ..Default::default() };
        let request = with_token(&token, question)?;
        let start = Instant::now();
        match client.query(request).await {
            Ok(response) => {
                asked.answers.push((Instant::now(), start.elapsed()));
                if turn == 0 {
                    assert_linked(&response.into_inner())?;
                }
            }
            Err(status) if status.code() == Code::Unavailable && status.message().contains("the policy changed") => {
                asked.again += 1;
            }
            Err(status) => anyhow::bail!("a question was not answered: {status}"),
        }
    }
    Ok(asked)
}

/// What is measured is an answer out of three datasets.
fn assert_linked(response: &pb::QueryResponse) -> anyhow::Result<()> {
    let answer = pb::Answer::decode(response.answer.as_slice())?;
    let datasets: BTreeSet<_> =
        answer.records.iter().filter_map(|record| record.record_type.split('.').next()).collect();
    ensure!(datasets.len() == 3, "an answer is not linked out of three datasets");
    response.receipt.as_ref().context("an answer has no receipt").map(drop)
}
