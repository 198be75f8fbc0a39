//! `disownctl load`.

use super::{
    IN_PART,
    client::{Client, Connection},
    table::table,
};
use crate::{
    entropy::{Entropy, SystemEntropy},
    pb::{self, intake_service_client::IntakeServiceClient, load_request::Part, load_response::Report},
};
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::{io::Read, path::PathBuf, process::ExitCode};
use tokio_stream::StreamExt;

/// Put a CSV file of records in. Rows are sent in random order, and stored in another, so that batches tell nothing about who is in
/// them. Of duplicates the one on the first line is stored, and the others are rejected.
#[derive(Debug, Args)]
pub(super) struct Load {
    /// The dataset.
    dataset: String,
    /// The file, with a header; `-`: standard input.
    file: PathBuf,
    /// Where the records come from, as recipients are told.
    #[arg(long)]
    source: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: Client,
}

/// The rows of a file.
#[expect(missing_debug_implementations, reason = "holds personal data")]
pub struct Rows {
    /// The header.
    pub columns: Vec<String>,
    /// The rows, each with the line it begins on.
    pub rows: Vec<pb::Row>,
}

/// What became of a delivery.
#[derive(Default)]
pub(super) struct Delivered {
    pub(super) stored: u64,
    pub(super) batches: u64,
    pub(super) rejected: Vec<pb::Rejection>,
}

impl Load {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut rows = self.read()?;
        let sent = rows.rows.len() as u64;
        let entropy: &dyn Entropy = &SystemEntropy;
        entropy.shuffle(&mut rows.rows)?;
        let start = pb::LoadStart {
            terms: Some(self.client.terms()),
            dataset: self.dataset.clone(),
            columns: rows.columns,
            source: self.source.clone(),
        };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows sent, {msg}")?;
        let bar = ProgressBar::new(sent).with_style(style).with_message("checking");
        let delivered = deliver(self.client.connect().await?, start, rows.rows, &bar).await?;
        self.report(sent, &delivered);
        Ok(if delivered.stored == sent { ExitCode::SUCCESS } else { ExitCode::from(IN_PART) })
    }

    fn read(&self) -> anyhow::Result<Rows> {
        let at = || self.file.display().to_string();
        let input: Box<dyn Read> = if self.file.as_os_str() == "-" {
            Box::new(std::io::stdin())
        } else {
            Box::new(std::fs::File::open(&self.file).with_context(at)?)
        };
        parse(input).with_context(at)
    }

    fn report(&self, sent: u64, delivered: &Delivered) {
        let Delivered { stored, batches, rejected } = delivered;
        if self.json {
            let rejected: Vec<_> = rejected
                .iter()
                .map(|one| json!({ "line": one.line, "column": one.column, "rule": one.rule }))
                .collect();
            println!("{}", json!({ "rows": sent, "stored": stored, "rejected": rejected, "batches": batches }));
            return;
        }
        println!("{stored} of {sent} records stored in `{}`, in {batches} batches", self.dataset);
        if !rejected.is_empty() {
            let mut table = table(["line", "column", "rule"]);
            for one in rejected {
                table.add_row([&one.line.to_string(), &one.column, &one.rule]);
            }
            println!("{} rejected:\n{table}", rejected.len());
        }
    }
}

/// Reads a CSV file. Values stay bytes: the broker is the one who judges them.
pub fn parse(input: impl Read) -> anyhow::Result<Rows> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.headers().context("the header is not a line of UTF-8 text")?;
    let columns = header.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(pb::Row { line, values: record.iter().map(<[u8]>::to_vec).collect() });
    }
    Ok(Rows { columns, rows })
}

/// Sends a start and its rows, and gathers the reports, rejections in the order of their lines.
pub(super) async fn deliver(
    connection: Connection,
    start: pb::LoadStart,
    rows: Vec<pb::Row>,
    bar: &ProgressBar,
) -> anyhow::Result<Delivered> {
    let sending = bar.clone();
    let start = std::iter::once(pb::LoadRequest { part: Some(Part::Start(start)) });
    let rows = rows.into_iter().map(move |row| {
        sending.inc(1);
        pb::LoadRequest { part: Some(Part::Row(row)) }
    });
    let mut reports =
        IntakeServiceClient::new(connection).load(tokio_stream::iter(start.chain(rows))).await?.into_inner();
    let mut delivered = Delivered::default();
    while let Some(message) = reports.next().await {
        match message?.report {
            Some(Report::Rejection(rejection)) => delivered.rejected.push(rejection),
            Some(Report::Stored(batch)) => {
                delivered.stored += batch.rows;
                delivered.batches += 1;
                bar.set_message(format!("{} stored", delivered.stored));
            }
            None => {}
        }
    }
    bar.finish_and_clear();
    delivered.rejected.sort_by_key(|one| one.line);
    Ok(delivered)
}
