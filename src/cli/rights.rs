//! `disownctl rights`.

use super::{client::Client, subject::subject_of, table::table};
use crate::pb::{self, RestrictionGround, rights_service_client::RightsServiceClient};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use prost::Message;
use serde_json::json;
use std::process::ExitCode;

/// What subjects are entitled to.
#[derive(Debug, Subcommand)]
pub(super) enum Rights {
    /// Restrict the use of what is held on a subject: nobody is answered with it.
    Restrict(Restrict),
    /// Lift one restriction, of which the subject has to be told before. The others stand.
    Lift(Lift),
    /// The restrictions of a subject that stand.
    List(List),
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
    /// Which: `r-0123456789abcdef`, as `disownctl rights restrict` and `list` give it.
    #[arg(long)]
    restriction: String,
    /// The day on which the subject was told: 2026-11-20.
    #[arg(long)]
    told_on: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Whose: `jy:JY123456A`. `-` reads it from standard input, which keeps it out of the shell's history.
    subject: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Args)]
struct Ask {
    /// As JSON; a list as JSON lines.
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
                let pb::RestrictResponse { id, receipt } = response.into_inner();
                ask.done(&id, "in force", receipt)
            }
            Rights::Lift(Lift { subject, restriction, told_on, ask }) => {
                let (terms, identifier) = (Some(ask.client.terms()), subject_of(subject)?);
                let mut client = RightsServiceClient::new(ask.client.connect().await?);
                let (id, subject_told_on) = (restriction.clone(), told_on);
                let request = pb::LiftRestrictionRequest { terms, identifier, restriction, subject_told_on };
                let response = client.lift_restriction(request).await?;
                ask.done(&id, "lifted", response.into_inner().receipt)
            }
            Rights::List(List { subject, ask }) => {
                let (terms, identifier) = (Some(ask.client.terms()), subject_of(subject)?);
                let mut client = RightsServiceClient::new(ask.client.connect().await?);
                let response = client.list_restrictions(pb::ListRestrictionsRequest { terms, identifier }).await?;
                ask.show(&pb::Restrictions::decode(response.into_inner().answer.as_slice())?)
            }
        }
    }
}

impl Ask {
    fn done(&self, id: &str, outcome: &str, receipt: Option<pb::Receipt>) -> anyhow::Result<ExitCode> {
        let index = receipt.context("the broker gave no receipt")?.index;
        if self.json {
            println!("{}", json!({ "restriction": id, "outcome": outcome, "entry": index }));
        } else {
            println!("restriction {id} is {outcome}: entry {index} of the access log");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, restrictions: &pb::Restrictions) -> anyhow::Result<ExitCode> {
        let mut rows = table(["restriction", "ground", "since"]);
        for restriction in &restrictions.in_force {
            let pb::Restriction { id, since, .. } = restriction;
            let ground = restriction.ground().as_str_name().trim_start_matches("RESTRICTION_GROUND_").to_lowercase();
            if self.json {
                println!("{}", json!({ "id": id, "ground": ground, "since": since }));
            } else {
                rows.add_row([id, &ground, since]);
            }
        }
        if !self.json {
            println!("{rows}");
        }
        if restrictions.unclear {
            eprintln!("something stands besides that the broker does not understand: a later version lifts it");
        }
        Ok(ExitCode::SUCCESS)
    }
}
