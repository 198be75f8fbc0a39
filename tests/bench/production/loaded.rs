//! What the merged database has, loaded into the broker's.

use crate::{
    asked::{connect, terms, with_token},
    laid_out::LaidOut,
    question::SUBJECTS,
};
use anyhow::{Context, ensure};
use disown::pb::{self, intake_service_client::IntakeServiceClient, load_request::Part};
use tonic::transport::ClientTlsConfig;

/// Puts in what the merged database has.
pub async fn fill(address: &str, tls: &ClientTlsConfig, laid_out: &LaidOut) -> anyhow::Result<()> {
    let (mut people, mut clinical, mut public_health) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..SUBJECTS.count {
        let (number, source) = (SUBJECTS.identifier(at), SUBJECTS.first + at);
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
    let token = laid_out.token("registry-feed", "jersey-population-office", "registrar")?;
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
