//! `disownctl break-glass`.

use super::{
    client::{Broker, Client},
    subject::subject_of,
    table::table,
};
use crate::pb::{self, break_glass_service_client::BreakGlassServiceClient};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// For somebody's vital interests, more than the terms of access show: for one subject and a short time, and reviewed afterwards.
#[derive(Debug, Subcommand)]
pub(super) enum BreakGlass {
    /// Break glass. The data protection officer is told at once. `disownctl describe` says what it opens.
    Use(Use),
    /// What waits for review. For the data protection officer.
    List(List),
    /// Review what somebody did, which ends it. For the data protection officer.
    Review(Review),
}

#[derive(Debug, Args)]
pub(super) struct Use {
    /// For whom: `jy:JY123456A`. `-` reads it from standard input, which keeps it out of the shell's history.
    subject: String,
    /// Why; it stands in the access log.
    #[arg(long)]
    reason: String,
    /// The handling conditions that you have read and are bound by, as `disownctl describe` names them.
    #[arg(long, env = "DISOWN_ACKNOWLEDGE", default_value = "")]
    acknowledge: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: Client,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// As JSON lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: Broker,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("found").required(true)))]
pub(super) struct Review {
    /// Of which organisation.
    #[arg(long)]
    organisation: String,
    /// Who.
    #[arg(long)]
    caller: String,
    /// There was reason to do it.
    #[arg(long, group = "found")]
    justified: bool,
    /// There was none.
    #[arg(long, group = "found")]
    unjustified: bool,
    /// What is to be said of it; it stands in the access log.
    #[arg(long)]
    words: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: Broker,
}

impl BreakGlass {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            BreakGlass::Use(begin) => begin.run().await,
            BreakGlass::List(list) => list.run().await,
            BreakGlass::Review(review) => review.run().await,
        }
    }
}

impl Use {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (terms, identifier) = (Some(self.client.terms()), subject_of(self.subject)?);
        let request = pb::BreakGlassRequest { terms, identifier, reason: self.reason, acknowledged: self.acknowledge };
        let mut client = BreakGlassServiceClient::new(self.client.connect().await?);
        let pb::BreakGlassResponse { until, receipt } = client.break_glass(request).await?.into_inner();
        let entry = receipt.context("the broker gave no receipt")?.index;
        if self.json {
            println!("{}", json!({ "until": until, "entry": entry }));
        } else {
            println!("until {until}: ask with `disownctl query … --break-glass`; entry {entry} of the access log");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let mut client = BreakGlassServiceClient::new(self.broker.connect().await?);
        let uses = client.list_unreviewed(pb::ListUnreviewedRequest {}).await?.into_inner().uses;
        let mut rows = table(["who", "role", "agreement", "case", "until", "why"]);
        for pb::BreakGlassUse { organisation, caller, role, agreement, case_reference, reason, until } in uses {
            if self.json {
                println!(
                    "{}",
                    json!({
                        "organisation": organisation, "caller": caller, "role": role, "agreement": agreement,
                        "case_reference": case_reference, "reason": reason, "until": until,
                    })
                );
            } else {
                let who = format!("{caller}, {organisation}");
                rows.add_row([who, role, agreement, case_reference, until, reason]);
            }
        }
        if !self.json {
            println!("{rows}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Review {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { organisation, caller, justified, words, .. } = self;
        let request = pb::ReviewUseRequest { organisation, caller, justified, words };
        let mut client = BreakGlassServiceClient::new(self.broker.connect().await?);
        let entry = client.review_use(request).await?.into_inner().receipt.context("the broker gave no receipt")?.index;
        if self.json {
            println!("{}", json!({ "justified": justified, "entry": entry }));
        } else {
            println!("reviewed: entry {entry} of the access log");
        }
        Ok(ExitCode::SUCCESS)
    }
}
