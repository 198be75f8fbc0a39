//! The questions of the demonstration, and their answers side by side.

use crate::{
    cli::{client::connection, table::table},
    clock::SystemClock,
    entropy::SystemEntropy,
    identity::DevelopmentIssuer,
    pb::{self, access_service_client::AccessServiceClient, cell::Shown, query_request::Subject},
};
use anyhow::Context;
use comfy_table::{Attribute, Cell, Color, Table};
use prost::Message;
use tonic::transport::Channel;

/// Somebody who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) organisation: &'static str,
    pub(super) purpose: &'static str,
    pub(super) agreement: &'static str,
    pub(super) case: &'static str,
}

pub(super) const CLINICIAN: Asker = Asker {
    name: "dr.renouf",
    role: "clinician",
    organisation: "health-and-care-jersey",
    purpose: "clinical_care",
    agreement: "clinical-care",
    case: "ENC-20260001",
};
pub(super) const TRACER: Asker = Asker {
    name: "tracer.amy",
    role: "contact_tracer",
    organisation: "public-health-jersey",
    purpose: "contact_tracing",
    agreement: "contact-tracing",
    case: "CT-000123",
};
pub(super) const POLICE: Asker = Asker {
    name: "pc.vautier",
    role: "police_officer",
    organisation: "states-of-jersey-police",
    purpose: "isolation_enforcement",
    agreement: "sojp-isolation",
    case: "AB-2026-000123",
};
pub(super) const STATISTICIAN: Asker = Asker {
    name: "stat.hamon",
    role: "statistician",
    organisation: "statistics-jersey",
    purpose: "statistics",
    agreement: "statistics",
    case: "ST-0001",
};

/// What is shown in the table: enough to see the difference, little enough for one screen.
const FIELDS: [&str; 14] = [
    "people.person.given_name",
    "people.person.family_name",
    "people.person.date_of_birth",
    "people.person.address_line",
    "people.person.phone",
    "clinical.condition.description",
    "clinical.test_result.description",
    "clinical.test_result.value",
    "clinical.test_result.event_date",
    "public_health.case_investigation.event_date",
    "public_health.case_investigation.detail",
    "public_health.case_investigation.contact_jy_number",
    "public_health.isolation.event_date",
    "public_health.isolation.end_date",
];

/// An answer, or the refusal.
pub(super) type Answered = Result<pb::Answer, String>;

impl Asker {
    pub(super) fn terms(&self) -> pb::Terms {
        pb::Terms {
            role: self.role.to_owned(),
            purpose: self.purpose.to_owned(),
            agreement: self.agreement.to_owned(),
            case_reference: self.case.to_owned(),
        }
    }

    pub(super) fn token(&self, issuer: &DevelopmentIssuer) -> anyhow::Result<String> {
        Ok(issuer.token(self.name, self.organisation, &[self.role], "disown", &SystemClock, &SystemEntropy)?)
    }
}

/// Asks for everything the agreement has.
pub(super) async fn response(
    channel: &Channel,
    issuer: &DevelopmentIssuer,
    asker: &Asker,
    number: &str,
) -> anyhow::Result<pb::QueryResponse> {
    let mut client = AccessServiceClient::new(connection(channel.clone(), &asker.token(issuer)?)?);
    let known = bound(channel, issuer, asker).await?;
    Ok(client.query(request(asker, &known, number, &[])).await?.into_inner())
}

/// Asks for the fields of the table.
pub(super) async fn query(
    channel: &Channel,
    issuer: &DevelopmentIssuer,
    asker: &Asker,
    number: &str,
) -> anyhow::Result<Answered> {
    let mut client = AccessServiceClient::new(connection(channel.clone(), &asker.token(issuer)?)?);
    let known = bound(channel, issuer, asker).await.unwrap_or_default();
    match client.query(request(asker, &known, number, &FIELDS)).await {
        Ok(response) => Ok(Ok(pb::Answer::decode(response.into_inner().answer.as_slice())?)),
        Err(status) => Ok(Err(status.message().to_owned())),
    }
}

/// What binds an asker, and what it may rely on. One who may ask for nothing is told nothing.
pub(super) async fn bound(
    channel: &Channel,
    issuer: &DevelopmentIssuer,
    asker: &Asker,
) -> anyhow::Result<pb::DescribeAccessResponse> {
    let mut client = AccessServiceClient::new(connection(channel.clone(), &asker.token(issuer)?)?);
    let request = pb::DescribeAccessRequest { terms: Some(asker.terms()) };
    Ok(client.describe_access(request).await?.into_inner())
}

fn request(asker: &Asker, known: &pb::DescribeAccessResponse, number: &str, fields: &[&str]) -> pb::QueryRequest {
    pb::QueryRequest {
        terms: Some(asker.terms()),
        subject: Some(Subject::Identifier(format!("jy:{number}"))),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        ground: known.grounds.first().cloned().unwrap_or_default(),
        acknowledged: known.handling_digest.clone(),
        ..Default::default()
    }
}

/// One row a field, one column an asker.
pub(super) fn side_by_side(answers: &[(Asker, Answered)]) -> Table {
    let mut table = table(std::iter::once("field").chain(answers.iter().map(|(asker, _)| asker.role)));
    let mut group = "";
    for field in FIELDS {
        let (record_type, column) = field.rsplit_once('.').unwrap_or(("", field));
        if record_type != group {
            group = record_type;
            table.add_row([Cell::new(record_type).add_attribute(Attribute::Bold)]);
        }
        let row = std::iter::once(Cell::new(format!("  {column}")))
            .chain(answers.iter().map(|(_, answer)| cell(answer, field)));
        table.add_row(row);
    }
    table.add_row(std::iter::once(Cell::new("")).chain(answers.iter().map(|(_, answer)| match answer {
        Ok(answer) => Cell::new(format!("{} records, 1 receipt", answer.records.len())),
        Err(refusal) => Cell::new(refusal).fg(Color::Red),
    })));
    table
}

fn cell(answer: &Answered, field: &str) -> Cell {
    let withheld = || Cell::new("·").fg(Color::DarkGrey);
    let Ok(answer) = answer else { return withheld() };
    let cells = answer.records.iter().flat_map(|record| &record.cells).filter(|cell| cell.field == field);
    let mut text = String::new();
    let mut color = None;
    for shown in cells.filter_map(|cell| cell.shown.as_ref()) {
        let (symbol, value, of) = match shown {
            Shown::Full(value) => ("■", short(value), Color::Green),
            Shown::Coarse(value) => ("▒", short(value), Color::Yellow),
            Shown::Exists(exists) => ("?", if *exists { "held" } else { "not held" }.to_owned(), Color::Cyan),
        };
        color = Some(of);
        text = if text.is_empty() { format!("{symbol} {value}") } else { format!("{text}\n{symbol} {value}") };
    }
    color.map_or_else(withheld, |color| Cell::new(text).fg(color))
}

/// Handles are long; their beginning tells them apart.
fn short(value: &str) -> String {
    if value.len() == 64 { format!("handle {}…", &value[..8]) } else { value.to_owned() }
}

/// Two answers, byte by byte but for the handle, which is a name of the number asked for.
pub(super) fn compare(free: &pb::QueryResponse, nobody: &pb::QueryResponse) -> anyhow::Result<String> {
    let decode = |response: &pb::QueryResponse| pb::Answer::decode(response.answer.as_slice()).context("no answer");
    let (mut first, mut second) = (decode(free)?, decode(nobody)?);
    let mut table = table(["asked about", "told", "records", "bytes of the answer"]);
    for (who, answer, response) in [("free again", &first, free), ("nobody", &second, nobody)] {
        table.add_row([
            who.to_owned(),
            "OK".to_owned(),
            answer.records.len().to_string(),
            response.answer.len().to_string(),
        ]);
    }
    (first.handle, second.handle) = (String::new(), String::new());
    let equal = first.encode_to_vec() == second.encode_to_vec();
    anyhow::ensure!(equal, "the two answers can be told apart");
    Ok(format!("{table}\n   Save for the handle, a name of the number asked, the two answers are the same bytes."))
}
