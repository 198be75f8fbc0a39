//! `disownctl watch`.

use super::{client::Broker, subject::subject_of};
use crate::pb::{self, WatchReason, watch_service_client::WatchServiceClient};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::process::ExitCode;

/// Subjects whose look-ups raise an alarm, and need a second person where they are protected or the caller's own.
#[derive(Debug, Subcommand)]
pub(super) enum Watch {
    /// Put a subject on watch. For the data protection officer.
    Add(Watched),
    /// Take a subject off watch. For the data protection officer.
    Remove(Watched),
    /// Allow somebody of your organisation one look-up, as the second person. For approvers with `second_person = true`.
    Allow(Allow),
}

#[derive(Debug, Args)]
pub(super) struct Watched {
    /// Whom: `jy:JY123456A`. `-` reads it from standard input, which keeps it out of the shell's history.
    subject: String,
    /// Why.
    #[arg(long)]
    why: Why,
    /// With `--why own`: of which organisation the caller is who this is.
    #[arg(long, default_value = "", required_if_eq("why", "own"))]
    organisation: String,
    /// With `--why own`: the caller who this is, as in its token.
    #[arg(long, default_value = "", required_if_eq("why", "own"))]
    caller: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
pub(super) struct Allow {
    /// Whom: `jy:JY123456A`. `-` reads it from standard input, which keeps it out of the shell's history.
    subject: String,
    /// Who may look it up, as in its token.
    #[arg(long)]
    caller: String,
    /// Under which agreement.
    #[arg(long)]
    agreement: String,
    /// For which case.
    #[arg(long = "case")]
    case_reference: String,
    /// The last day: 2026-11-30.
    #[arg(long)]
    until: String,
    /// Why; it stands in the access log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
struct Ask {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: Broker,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Why {
    /// Many are curious about it.
    Protected,
    /// It is nobody, and nobody has a reason to ask.
    Honey,
    /// It is a caller.
    Own,
}

impl Watch {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Watch::Add(watched) => {
                let (watch, ask) = watched.message()?;
                let request = pb::WatchSubjectRequest { watch: Some(watch) };
                ask.done("watched", ask.client().await?.watch_subject(request).await?.into_inner().receipt)
            }
            Watch::Remove(watched) => {
                let (watch, ask) = watched.message()?;
                let request = pb::UnwatchSubjectRequest { watch: Some(watch) };
                ask.done("no longer watched", ask.client().await?.unwatch_subject(request).await?.into_inner().receipt)
            }
            Watch::Allow(Allow { subject, caller, agreement, case_reference, until, reason, ask }) => {
                let (identifier, valid_until) = (subject_of(subject)?, until);
                let request =
                    pb::AllowLookUpRequest { identifier, caller, agreement, case_reference, valid_until, reason };
                ask.done("allowed", ask.client().await?.allow_look_up(request).await?.into_inner().receipt)
            }
        }
    }
}

impl Watched {
    fn message(self) -> anyhow::Result<(pb::Watch, Ask)> {
        let Self { subject, why, organisation, caller, ask } = self;
        let why = match why {
            Why::Protected => WatchReason::Protected,
            Why::Honey => WatchReason::Honey,
            Why::Own => WatchReason::Own,
        };
        Ok((pb::Watch { identifier: subject_of(subject)?, why: why.into(), organisation, caller }, ask))
    }
}

impl Ask {
    async fn client(&self) -> anyhow::Result<WatchServiceClient<super::client::Connection>> {
        Ok(WatchServiceClient::new(self.broker.connect().await?))
    }

    fn done(&self, outcome: &str, receipt: Option<pb::Receipt>) -> anyhow::Result<ExitCode> {
        let index = receipt.context("the broker gave no receipt")?.index;
        if self.json {
            println!("{}", json!({ "outcome": outcome, "entry": index }));
        } else {
            println!("{outcome}: entry {index} of the access log");
        }
        Ok(ExitCode::SUCCESS)
    }
}
