//! `disownctl warrant`.

use super::client::Broker;
use crate::pb::{self, warrant_service_client::WarrantServiceClient};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;
use std::{fs, path::PathBuf, process::ExitCode};

/// Register warrants of courts, enter them again, revoke them. For approvers with `warrants = true` in `approvers.toml`.
#[derive(Debug, Subcommand)]
pub(super) enum Warrant {
    /// Register a warrant; it has no effect until somebody else has entered the same.
    Register {
        /// The warrant, a TOML file: court, reference, agreement, case_reference, identifiers, fields, valid_from, valid_until, uses.
        /// `-` reads it from standard input, which leaves no file with identifiers behind.
        file: PathBuf,
        #[command(flatten)]
        ask: Ask,
    },
    /// Enter a warrant again, from the document and not from the first one's file.
    Confirm {
        /// Which.
        id: String,
        /// The warrant, as for `register`.
        file: PathBuf,
        #[command(flatten)]
        ask: Ask,
    },
    /// End a warrant, at once.
    Revoke {
        /// Which.
        id: String,
        #[command(flatten)]
        ask: Ask,
    },
    /// Where a warrant stands, and how many of its uses are left.
    Show {
        /// Which.
        id: String,
        #[command(flatten)]
        ask: Ask,
    },
}

#[derive(Debug, Args)]
pub(super) struct Ask {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: Broker,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    court: String,
    reference: String,
    agreement: String,
    case_reference: String,
    identifiers: Vec<String>,
    fields: Vec<String>,
    valid_from: toml::value::Datetime,
    valid_until: toml::value::Datetime,
    uses: u64,
}

impl Warrant {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Warrant::Register { file, ask } => {
                let warrant = Some(document(&file)?);
                let response = ask.client().await?.register_warrant(pb::RegisterWarrantRequest { warrant }).await?;
                let pb::RegisterWarrantResponse { id, receipt } = response.into_inner();
                ask.done(&id, "registered", receipt)
            }
            Warrant::Confirm { id, file, ask } => {
                let request = pb::ConfirmWarrantRequest { id: id.clone(), warrant: Some(document(&file)?) };
                let response = ask.client().await?.confirm_warrant(request).await?;
                ask.done(&id, "confirmed", response.into_inner().receipt)
            }
            Warrant::Revoke { id, ask } => {
                let response = ask.client().await?.revoke_warrant(pb::RevokeWarrantRequest { id: id.clone() }).await?;
                ask.done(&id, "revoked", response.into_inner().receipt)
            }
            Warrant::Show { id, ask } => {
                let response = ask.client().await?.show_warrant(pb::ShowWarrantRequest { id: id.clone() }).await?;
                ask.show(&id, &response.into_inner())
            }
        }
    }
}

fn document(file: &PathBuf) -> anyhow::Result<pb::Warrant> {
    let text =
        if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin())? } else { fs::read_to_string(file)? };
    let text = zeroize::Zeroizing::new(text);
    // What is wrong is told without the text, which holds identifiers.
    let document: Document =
        toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {}", file.display(), error.message()))?;
    let Document { court, reference, agreement, case_reference, identifiers, fields, valid_from, valid_until, uses } =
        document;
    let (valid_from, valid_until) = (valid_from.to_string(), valid_until.to_string());
    Ok(pb::Warrant { court, reference, agreement, case_reference, identifiers, fields, valid_from, valid_until, uses })
}

impl Ask {
    async fn client(&self) -> anyhow::Result<WarrantServiceClient<super::client::Connection>> {
        Ok(WarrantServiceClient::new(self.broker.connect().await?))
    }

    fn done(&self, id: &str, outcome: &str, receipt: Option<pb::Receipt>) -> anyhow::Result<ExitCode> {
        let index = receipt.context("the broker gave no receipt")?.index;
        if self.json {
            println!("{}", json!({ "warrant": id, "outcome": outcome, "entry": index }));
        } else {
            println!("warrant {id} is {outcome}: entry {index} of the access log");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, id: &str, shown: &pb::ShowWarrantResponse) -> anyhow::Result<ExitCode> {
        let pb::ShowWarrantResponse {
            standing,
            court,
            reference,
            agreement,
            case_reference,
            fields,
            subjects,
            valid_from,
            valid_until,
            uses,
            used,
            registered_by,
            confirmed_by,
        } = shown;
        if self.json {
            println!(
                "{}",
                json!({
                    "warrant": id, "standing": standing, "court": court, "reference": reference, "agreement": agreement,
                    "case_reference": case_reference, "fields": fields, "subjects": subjects, "valid_from": valid_from,
                    "valid_until": valid_until, "uses": uses, "used": used, "registered_by": registered_by,
                    "confirmed_by": confirmed_by,
                })
            );
            return Ok(ExitCode::SUCCESS);
        }
        println!("warrant {id}: {standing}, {used} of {uses} uses");
        println!("  {court}, {reference}; case {case_reference} under {agreement}; {valid_from} to {valid_until}");
        println!("  {subjects} subjects, {}", fields.join(", "));
        let confirmed = if confirmed_by.is_empty() { "nobody yet" } else { confirmed_by };
        println!("  registered by {registered_by}, entered again by {confirmed}");
        Ok(ExitCode::SUCCESS)
    }
}
