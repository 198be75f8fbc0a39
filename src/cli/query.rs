//! `disownctl query`.

use super::{client::Client, output::Output, receipt, subject::subject_of, table::table};
use crate::pb::{self, access_service_client::AccessServiceClient, cell::Shown, query_request::Subject};
use anyhow::Context;
use clap::Args;
use prost::Message;
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// Ask about one subject.
#[derive(Debug, Args)]
pub(super) struct Query {
    /// Whom: `jy:JY123456A`, or `handle:` and the handle of an earlier answer. `-` reads it from standard input, which keeps it out
    /// of the shell's history.
    subject: String,
    /// A field, `people.person.given_name`; several may be given. None: all of the agreement.
    #[arg(long = "field")]
    fields: Vec<String>,
    /// A view of the agreement, instead of fields.
    #[arg(long, conflicts_with = "fields", default_value = "")]
    view: String,
    /// A warrant, for what is out of reach without one: `w-0123456789abcdef`.
    #[arg(long, default_value = "")]
    warrant: String,
    /// The condition relied on, for a law enforcement purpose on special category data: `legal_duty`.
    #[arg(long, default_value = "")]
    ground: String,
    /// The handling conditions that you have read and are bound by, as `disownctl describe` names them.
    #[arg(long, env = "DISOWN_ACKNOWLEDGE", default_value = "")]
    acknowledge: String,
    /// Glass was broken for this subject, by `disownctl break-glass use` under the same terms.
    #[arg(long)]
    break_glass: bool,
    /// Append answer and receipt to this file, for `disownctl log check-receipt`. Nothing is asked where it cannot be written; a new
    /// one is for its owner only, and one that others may use is refused.
    #[arg(long)]
    receipt_out: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: Client,
}

impl Query {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let request = pb::QueryRequest {
            terms: Some(self.client.terms()),
            subject: Some(self.subject()?),
            fields: self.fields.clone(),
            view: self.view.clone(),
            warrant: self.warrant.clone(),
            ground: self.ground.clone(),
            acknowledged: self.acknowledge.clone(),
            break_glass: self.break_glass,
        };
        let kept = self.receipt_out.as_deref().map(Output::append).transpose()?;
        let mut client = AccessServiceClient::new(self.client.connect().await?);
        let response = client.query(request).await?.into_inner();
        // An answer is told even if its receipt cannot be kept: it was given only once.
        let kept = kept.map_or(Ok(()), |kept| kept.write(format!("{}\n", receipt::to_json(&response)?).as_bytes()));
        let answer =
            pb::Answer::decode(response.answer.as_slice()).context("the answer does not have the form of one")?;
        let index = response.receipt.map(|receipt| receipt.index).unwrap_or_default();
        if self.json {
            println!("{}", as_json(&answer, index))
        } else {
            print(&answer, index)
        }
        kept.context("the answer was given and its receipt is not kept")?;
        Ok(ExitCode::SUCCESS)
    }

    fn subject(&self) -> anyhow::Result<Subject> {
        let raw = subject_of(self.subject.clone())?;
        Ok(match raw.strip_prefix("handle:") {
            Some(handle) => Subject::Handle(handle.to_owned()),
            None => Subject::Identifier(raw),
        })
    }
}

fn print(answer: &pb::Answer, index: u64) {
    if answer.records.is_empty() {
        println!("no records");
    }
    for record in &answer.records {
        let mut table = table([record.record_type.as_str(), "", "shown"]);
        for cell in &record.cells {
            let name = cell.field.rsplit('.').next().unwrap_or_default();
            let (value, shown) = shown(cell);
            table.add_row([name, &value, shown]);
        }
        println!("{table}");
        if let Some(provenance) = &record.provenance {
            println!("  from {}, as of {}", provenance.source, provenance.as_of);
        }
    }
    for withheld in &answer.withheld {
        println!("withheld: {} ({})", withheld.field, withheld.reason);
    }
    for condition in &answer.handling {
        println!("handling: {} ({})", condition.words, condition.code);
    }
    println!("handle: {}\nentry {index} of the access log", answer.handle);
}

/// What a cell shows, and how much that is.
pub(super) fn shown(cell: &pb::Cell) -> (String, &'static str) {
    match &cell.shown {
        Some(Shown::Full(value)) => (value.clone(), "full"),
        Some(Shown::Coarse(value)) => (value.clone(), "coarse"),
        Some(Shown::Exists(true)) => ("(held)".to_owned(), "exists"),
        Some(Shown::Exists(false)) => ("(not held)".to_owned(), "exists"),
        None => (String::new(), "withheld"),
    }
}

fn as_json(answer: &pb::Answer, index: u64) -> serde_json::Value {
    let cell = |cell: &pb::Cell| {
        let value = match &cell.shown {
            Some(Shown::Full(value) | Shown::Coarse(value)) => json!(value),
            Some(Shown::Exists(exists)) => json!(exists),
            None => json!(null),
        };
        json!({ "field": cell.field, "disclosure": shown(cell).1, "value": value })
    };
    let record = |record: &pb::Record| {
        let provenance = record.provenance.as_ref().map(|known| {
            json!({ "source": known.source, "as_of": known.as_of, "subject_category": known.subject_category, "disputed": known.disputed })
        });
        let cells: Vec<_> = record.cells.iter().map(cell).collect();
        json!({ "record_type": record.record_type, "cells": cells, "provenance": provenance })
    };
    let handling = |one: &pb::HandlingCondition| json!({ "code": one.code, "words": one.words });
    let withheld: Vec<_> =
        answer.withheld.iter().map(|one| json!({ "field": one.field, "reason": one.reason })).collect();
    json!({
        "handle": answer.handle, "records": answer.records.iter().map(record).collect::<Vec<_>>(), "withheld": withheld,
        "handling": answer.handling.iter().map(handling).collect::<Vec<_>>(), "entry": index,
    })
}
