//! `disownctl log`.

use super::{
    client::{Client, Connection},
    log_offline::{self, ExportHead},
    log_replay::Replay,
    log_search::{Count, Search, line},
    output::Output,
};
use crate::{
    access_log::{
        Reader,
        checkpoint::Checkpoint,
        verify::{verify_database, verify_log},
    },
    config::Config,
    deployment::CONTROL,
    pb::{self, audit_service_client::AuditServiceClient},
};
use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use clap::{Args, Subcommand};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// The access log.
#[derive(Debug, Subcommand)]
pub(super) enum Log {
    /// Search the access log, as an auditor; the search is recorded.
    Search(Search),
    /// Count entries by parts of theirs; the count is recorded as a search.
    Count(Count),
    /// Hash a whole access log again and compare with what was signed; needs its public key and nothing else.
    Verify(Verify),
    /// Make every decision on record again, by the policy and the agreements that were in force then.
    Replay(Replay),
    /// Write the access log as an auditor sees it to a file, as JSON lines; recorded as a search for everything.
    Export(Export),
    /// Write the proofs of one entry to a file, for verifiers of other makers.
    Bundle(Bundle),
    /// Check answers and their receipts, offline, with the access log's public key alone.
    CheckReceipt(CheckReceipt),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The database of an access log, a file.
    #[arg(long, required_unless_present_any = ["export", "config"])]
    database: Option<PathBuf>,
    /// An exported access log, instead.
    #[arg(long, conflicts_with = "database")]
    export: Option<PathBuf>,
    /// The access log of a configuration, wherever its database is.
    #[arg(long, conflicts_with_all = ["database", "export"])]
    config: Option<PathBuf>,
    /// Its public key, a file as `disownctl init` writes it.
    #[arg(long)]
    key: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Where to. Nothing is asked where it cannot be written; a new file is for its owner only, and one that others may use is refused.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    client: Client,
}

#[derive(Debug, Args)]
pub(super) struct Bundle {
    /// Index of the entry.
    index: u64,
    /// Size of an earlier checkpoint, to prove consistency with.
    #[arg(long)]
    old_size: Option<u64>,
    /// The access log's public key, which the verifier needs.
    #[arg(long)]
    key: PathBuf,
    /// Where to. Nothing is asked where it cannot be written; a new file is for its owner only, and one that others may use is refused.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    client: Client,
}

#[derive(Debug, Args)]
pub(super) struct CheckReceipt {
    /// A file with one response a line, as proto3 JSON.
    file: PathBuf,
    /// The access log's public key, a file as `disownctl init` writes it.
    #[arg(long)]
    key: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Log {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Log::Search(search) => search.run().await,
            Log::Count(count) => count.run().await,
            Log::Verify(verify) => verify.run().await,
            Log::Replay(replay) => replay.run().await,
            Log::Export(export) => export.run().await,
            Log::Bundle(bundle) => bundle.run().await,
            Log::CheckReceipt(check) => {
                log_offline::check_receipts(&check.file, &log_offline::key(&check.key)?, check.json)
            }
        }
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let key = log_offline::key(&self.key)?;
        let config = self.config.as_deref().map(Config::read).transpose()?;
        let file = config.as_ref().map(|config| config.store_file(CONTROL)).or(self.database);
        let verified = match (config.and_then(|config| config.postgres), file, &self.export) {
            (Some(postgres), ..) => {
                let reader = Reader::on(postgres.reader()?);
                // Where the connection wakes it without waking another thread first: that is a fifth of the work.
                tokio::spawn(async move { verify_log(&reader, &key).await }).await?
            }
            (None, Some(database), _) => {
                std::fs::metadata(&database).with_context(|| database.display().to_string())?;
                verify_database(&database, &key).await
            }
            (None, None, Some(export)) => log_offline::verify_file(export, &key)?,
            (None, None, None) => anyhow::bail!("--database, --config or --export is needed"),
        };
        match verified {
            Ok(verified) if self.json => println!("{}", serde_json::to_string(&verified)?),
            Ok(verified) => {
                println!(
                    "verified: {} entries, {} checkpoints; signed up to {}, root {}",
                    verified.entries, verified.checkpoints, verified.signed, verified.root
                );
            }
            Err(error) => {
                if self.json {
                    println!("{}", json!({ "error": error.to_string() }));
                }
                anyhow::bail!("the access log does NOT verify: {error}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Export {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let out = Output::replace(&self.out)?;
        let connection = self.client.connect().await?;
        let mut client = AuditServiceClient::new(connection.clone());
        // The search is an entry itself, so everything that it finds is under the checkpoint asked for after it.
        let request = pb::SearchRequest { terms: Some(self.client.terms()), ..Default::default() };
        let mut pages = client.search(request).await?.into_inner();
        let mut entries = Vec::new();
        while let Some(page) = pages.message().await? {
            entries.extend(page.entries);
        }
        let (checkpoint, size) = checkpoint(connection, &self.client, 0).await?;
        entries.truncate(usize::try_from(size)?);
        let count = entries.len();
        let mut lines = serde_json::to_string(&ExportHead { checkpoint })? + "\n";
        for entry in entries {
            lines += &serde_json::to_string(&line(entry)?)?;
            lines.push('\n');
        }
        out.write(lines.as_bytes())?;
        println!("{count} entries written to {}", self.out.display());
        Ok(ExitCode::SUCCESS)
    }
}

impl Bundle {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let vkey = log_offline::key(&self.key)?.to_string();
        let out = Output::replace(&self.out)?;
        let connection = self.client.connect().await?;
        let mut client = AuditServiceClient::new(connection.clone());
        let (new, size) = checkpoint(connection.clone(), &self.client, 0).await?;
        let terms = Some(self.client.terms());
        let inclusion = client
            .prove_inclusion(pb::ProveInclusionRequest { terms: terms.clone(), index: self.index, size })
            .await?
            .into_inner();
        let encode = |path: &[Vec<u8>]| path.iter().map(|hash| BASE64.encode(hash)).collect::<Vec<_>>();
        let mut bundle = json!({
            "vkey": vkey, "checkpoint": new, "leaf_b64": BASE64.encode(&inclusion.leaf_data), "index": self.index,
            "inclusion_b64": encode(&inclusion.path),
        });
        if let Some(old_size) = self.old_size {
            let (old, _) = checkpoint(connection, &self.client, old_size).await?;
            let request = pb::ProveConsistencyRequest { terms, old_size, new_size: size };
            bundle["consistency_b64"] = json!(encode(&client.prove_consistency(request).await?.into_inner().path));
            bundle["old_checkpoint"] = json!(old);
        }
        out.write(format!("{bundle:#}\n").as_bytes())?;
        println!("the proofs of entry {} are written to {}", self.index, self.out.display());
        Ok(ExitCode::SUCCESS)
    }
}

/// A checkpoint and its size, as it says itself: whoever uses it verifies it.
async fn checkpoint(connection: Connection, client: &Client, size: u64) -> anyhow::Result<(String, u64)> {
    let request = pb::GetCheckpointRequest { terms: Some(client.terms()), size };
    let note = AuditServiceClient::new(connection).get_checkpoint(request).await?.into_inner().checkpoint;
    let size = Checkpoint::claimed_size(&note).context("the broker sent no checkpoint")?;
    Ok((note, size))
}
