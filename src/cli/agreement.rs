//! `disownctl agreement`.

use super::client::Broker;
use crate::{
    approval::{ApproverKey, Deed, Matter},
    entropy::SystemEntropy,
    ids::DatasetId,
    pb::{self, agreement_service_client::AgreementServiceClient},
};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Propose, approve and stop agreements, and see where they stand. For those whom `approvers.toml` names.
#[derive(Debug, Subcommand)]
pub(super) enum Agreement {
    /// Make a key to sign with, and print what goes into `approvers.toml`.
    Key {
        /// The new file, readable by its owner only. Keep it to yourself.
        file: PathBuf,
    },
    /// Where an agreement stands, who approved it, and what it lacks.
    Show(Show),
    /// Ask for approval of a text.
    Propose(OfText),
    /// Approve the text that is proposed.
    Approve(OfText),
    /// Put on record that the regulator has seen the text that is proposed.
    See(OfText),
    /// Take an agreement out of force, at once, until it is proposed and approved anew.
    Suspend(Of),
    /// Take an agreement out of force, at once and for ever.
    Terminate(Of),
    /// Take a dataset of yours out of an agreement or out of all, at once.
    Withdraw(OfDataset),
    /// Let it be used again.
    Restore(OfDataset),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Which.
    agreement: String,
    /// Print the text of a version, and nothing else; `current` is the one in force, or proposed.
    #[arg(long, value_name = "VERSION")]
    text: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: Broker,
}

#[derive(Debug, Args)]
pub(super) struct OfText {
    /// The text as you have read it: its own file, not a hash that somebody told you.
    text: PathBuf,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Debug, Args)]
pub(super) struct Of {
    /// Which agreement.
    agreement: String,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Debug, Args)]
pub(super) struct OfDataset {
    /// Which dataset.
    dataset: String,
    /// Under this agreement only; left out: under all.
    #[arg(long)]
    agreement: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Debug, Args)]
pub(super) struct Signed {
    /// Your key, a PEM file that `disownctl agreement key` made.
    #[arg(long)]
    key: PathBuf,
    /// Why, in one line.
    #[arg(long)]
    reason: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    broker: Broker,
}

impl Agreement {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Agreement::Key { file } => key(&file),
            Agreement::Show(show) => show.run().await,
            Agreement::Propose(of) => of.run(Deed::Propose).await,
            Agreement::Approve(of) => of.run(Deed::Approve).await,
            Agreement::See(of) => of.run(Deed::See).await,
            Agreement::Suspend(of) => of.run(Deed::Suspend).await,
            Agreement::Terminate(of) => of.run(Deed::Terminate).await,
            Agreement::Withdraw(of) => of.run(Deed::Withdraw).await,
            Agreement::Restore(of) => of.run(Deed::Restore).await,
        }
    }
}

fn key(file: &Path) -> anyhow::Result<ExitCode> {
    let key = ApproverKey::new(&SystemEntropy).context("the system gave no random bytes")?;
    let pem = key.to_pem().context("the key cannot be written")?;
    let mut created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("{}: a key is never overwritten", file.display()))?;
    if let Err(error) = created.write_all(pem.as_bytes()).and_then(|()| created.sync_all()) {
        // Half a key is none, and would stand in the way of the next one.
        let _ = fs::remove_file(file);
        return Err(error).with_context(|| format!("{}: the key is not written", file.display()));
    }
    println!("key = \"{}\"", key.public());
    Ok(ExitCode::SUCCESS)
}

impl Show {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let version = self.text.clone().filter(|version| version != "current").unwrap_or_default();
        let matter = Matter::Agreement(self.agreement.as_str().try_into()?);
        let shown = look(&self.broker, &matter, version).await?;
        if self.text.is_some() {
            print!("{}", shown.text);
        } else if self.json {
            println!("{}", as_json(&shown));
        } else {
            print_standing(&self.agreement, &shown);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl OfText {
    async fn run(self, deed: fn(String) -> Deed) -> anyhow::Result<ExitCode> {
        let path = self.text.display();
        let text = fs::read_to_string(&self.text).with_context(|| path.to_string())?;
        let parsed: toml::Table = text.parse().with_context(|| format!("{path} is no agreement"))?;
        let id = parsed.get("id").and_then(toml::Value::as_str).with_context(|| format!("{path} has no `id`"))?;
        let version = hex::encode(Sha256::digest(text.as_bytes()));
        self.signed.act(Matter::Agreement(id.try_into()?), deed(version)).await
    }
}

impl Of {
    async fn run(self, deed: Deed) -> anyhow::Result<ExitCode> {
        self.signed.act(Matter::Agreement(self.agreement.as_str().try_into()?), deed).await
    }
}

impl OfDataset {
    async fn run(self, deed: fn(DatasetId) -> Deed) -> anyhow::Result<ExitCode> {
        let dataset = DatasetId::try_from(self.dataset.as_str())?;
        let matter = match &self.agreement {
            Some(agreement) => Matter::Agreement(agreement.as_str().try_into()?),
            None => Matter::Dataset(dataset.clone()),
        };
        self.signed.act(matter, deed(dataset)).await
    }
}

impl Signed {
    pub(super) async fn act(self, matter: Matter, deed: Deed) -> anyhow::Result<ExitCode> {
        let path = self.key.display();
        let pem = zeroize::Zeroizing::new(fs::read_to_string(&self.key).with_context(|| path.to_string())?);
        let key = ApproverKey::from_pem(&pem).with_context(|| format!("{path} is no key of an approver"))?;
        let shown = look(&self.broker, &matter, String::new()).await?;
        let approver = shown.approver.as_str().try_into()?;
        let act = key.sign(&shown.log, (matter.clone(), shown.next_act), deed, approver, self.reason.clone());
        let mut client = AgreementServiceClient::new(self.broker.connect().await?);
        let receipt =
            client.act(pb::ActRequest::from(&act)).await?.into_inner().receipt.context("the broker gave no receipt")?;
        let now = look(&self.broker, &matter, String::new()).await?;
        if self.json {
            println!("{}", json!({ "entry": receipt.index, "standing": as_json(&now) }));
        } else {
            println!("{matter}: {} is entry {} of the access log", act.deed.name(), receipt.index);
            print_standing(&matter.to_string(), &now);
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn look(broker: &Broker, matter: &Matter, version: String) -> anyhow::Result<pb::ShowAgreementResponse> {
    let mut client = AgreementServiceClient::new(broker.connect().await?);
    let request = pb::ShowAgreementRequest { version, ..matter.into() };
    Ok(client.show_agreement(request).await?.into_inner())
}

fn deed_name(deed: i32) -> String {
    pb::Deed::try_from(deed).map_or("unknown".to_owned(), pb::Deed::name)
}

fn as_json(shown: &pb::ShowAgreementResponse) -> serde_json::Value {
    let acts: Vec<_> = shown.acts.iter().map(|act| {
        json!({ "number": act.number, "deed": deed_name(act.deed), "object": act.object, "approver": act.approver, "reason": act.reason })
    }).collect();
    let proposal = shown.proposal.as_ref().map(|one| {
        json!({ "version": one.version, "approved_by": one.approved_by, "seen_by": one.seen_by, "missing": one.missing })
    });
    json!({
        "standing": shown.standing, "in_force": shown.in_force, "review_overdue": shown.review_overdue, "approved_version": shown.approved_version,
        "file_version": shown.file_version, "proposal": proposal, "withdrawn": shown.withdrawn, "acts": acts,
    })
}

fn print_standing(name: &str, shown: &pb::ShowAgreementResponse) {
    let today = if shown.in_force { "in force today" } else { "not in force today" };
    println!("{name}: {}, {today}", shown.standing);
    if shown.review_overdue {
        println!("  its review is OVERDUE: after its days of grace it is not in force");
    }
    if !shown.approved_version.is_empty() {
        println!("  approved  {}", shown.approved_version);
    }
    if shown.file_version != shown.approved_version {
        println!("  its file  {}: not approved, without effect", shown.file_version);
    }
    if let Some(proposal) = shown.proposal.as_ref().filter(|proposal| !proposal.missing.is_empty()) {
        println!("  proposed  {}", proposal.version);
        for lacks in &proposal.missing {
            println!("    lacks {lacks}");
        }
    }
    for dataset in &shown.withdrawn {
        println!("  withdrawn {dataset}");
    }
    for act in &shown.acts {
        let pb::Act { number, deed, object, approver, reason } = act;
        // Of a version enough to tell it from another.
        let object = object.get(..12).filter(|_| object.len() == 64).unwrap_or(object);
        let deed = [deed_name(*deed), object.to_owned()].join(" ");
        println!("  {number:>3}  {} by {approver}: {reason}", deed.trim_end());
    }
}
