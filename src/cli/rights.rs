//! `disownctl rights`.

use super::{client::Client, subject::subject_of};
use crate::pb::{self, RestrictionGround, rights_service_client::RightsServiceClient};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::process::ExitCode;

/// What subjects are entitled to.
#[derive(Debug, Subcommand)]
pub(super) enum Rights {
    /// Restrict the use of what is held on a subject: nobody is answered with it.
    Restrict(Restrict),
    /// Lift a restriction, of which the subject has to be told before.
    Lift(Lift),
}

#[derive(Debug, Args)]
pub(super) struct Restrict {
    /// Whom: `jy:JY123456A`. `-` reads it from standard input, which keeps it out of the shell's history.
    subject: String,
    /// Why (article 33).
    #[arg(long)]
    ground: Ground,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
pub(super) struct Lift {
    /// Whom: `jy:JY123456A`. `-` reads it from standard input, which keeps it out of the shell's history.
    subject: String,
    /// The day on which the subject was told: 2026-11-20.
    #[arg(long)]
    told_on: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
struct Ask {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: Client,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ground {
    /// The subject contests its accuracy.
    AccuracyContested,
    /// Its use is unlawful, and the subject prefers this to erasure.
    UnlawfulUse,
    /// The subject needs it for legal claims.
    LegalClaims,
    /// The subject objects.
    Objection,
    /// It should be erased, and has to be kept as evidence.
    Evidence,
}

impl From<Ground> for RestrictionGround {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::AccuracyContested => Self::AccuracyContested,
            Ground::UnlawfulUse => Self::UnlawfulUse,
            Ground::LegalClaims => Self::LegalClaims,
            Ground::Objection => Self::Objection,
            Ground::Evidence => Self::Evidence,
        }
    }
}

impl Rights {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Rights::Restrict(Restrict { subject, ground, ask }) => {
                let (terms, identifier) = (Some(ask.client.terms()), subject_of(subject)?);
                let ground = RestrictionGround::from(ground).into();
                let mut client = RightsServiceClient::new(ask.client.connect().await?);
                let response = client.restrict(pb::RestrictRequest { terms, identifier, ground }).await?;
                ask.done("restricted", response.into_inner().receipt)
            }
            Rights::Lift(Lift { subject, told_on, ask }) => {
                let (terms, identifier) = (Some(ask.client.terms()), subject_of(subject)?);
                let mut client = RightsServiceClient::new(ask.client.connect().await?);
                let request = pb::LiftRestrictionRequest { terms, identifier, subject_told_on: told_on };
                let response = client.lift_restriction(request).await?;
                ask.done("lifted", response.into_inner().receipt)
            }
        }
    }
}

impl Ask {
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
