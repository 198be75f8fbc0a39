//! `disownctl policy`.

use super::{agreement::Signed, policy_diff::Diff, table::table};
use crate::{
    approval::{Deed, Matter},
    clock::{Clock, SystemClock},
    dataset::catalogue::FieldId,
    policy::{self, Explained, PolicyFiles, Refusal},
};
use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use jiff::{civil::Date, tz::TimeZone};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Check a policy, and explain what it decides.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Read a policy folder strictly, hold it against its red lines and run its cases, as a broker does when it starts.
    Check {
        /// The folder.
        #[arg(default_value = "policies")]
        folder: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Name the policy lines, the agreement's clause and the hard rule behind each field's disclosure.
    Explain(Explain),
    /// Ask for approval of a policy folder, all of it but the agreements. For those whom `approvers.toml` names.
    Propose(OfFolder),
    /// Approve the policy that is proposed.
    Approve(OfFolder),
    /// Put on record that the regulator has seen the policy that is proposed.
    See(OfFolder),
    /// List what changes between two policy folders, before that is in force, and what of the past would have been otherwise.
    Diff(Diff),
}

#[derive(Debug, Args)]
pub(super) struct OfFolder {
    /// The folder as you have read it: its own files, not a hash that somebody told you.
    folder: PathBuf,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The folder.
    #[arg(default_value = "policies")]
    folder: PathBuf,
    /// The role asked in.
    #[arg(long)]
    role: String,
    /// What for.
    #[arg(long)]
    purpose: String,
    /// Under which agreement.
    #[arg(long)]
    agreement: String,
    /// A field; several may be given. None: all that the agreement lists.
    #[arg(long)]
    field: Vec<String>,
    /// On which day; left out: today.
    #[arg(long)]
    on: Option<Date>,
    /// As JSON lines.
    #[arg(long)]
    json: bool,
}

impl Policy {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Policy::Check { folder, json } => check(&folder, json).await,
            Policy::Explain(explain) => explain.run().await,
            Policy::Propose(of) => of.run(Deed::Propose).await,
            Policy::Approve(of) => of.run(Deed::Approve).await,
            Policy::See(of) => of.run(Deed::See).await,
            Policy::Diff(diff) => diff.run().await,
        }
    }
}

async fn load(folder: &Path) -> anyhow::Result<policy::Policy> {
    Ok(policy::Policy::load(PolicyFiles::read(folder)?).await?)
}

/// The machine's day.
pub(super) fn this_day() -> Date {
    SystemClock.now().to_zoned(TimeZone::system()).date()
}

async fn check(folder: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let files = PolicyFiles::read(folder)?;
    let drafts = files.drafts();
    let checked = policy::Policy::load(files.dated(this_day())).await?;
    let agreements = checked.agreements().count();
    if json {
        let summary =
            json!({ "version": checked.version, "agreements": agreements, "cases": checked.cases, "drafts": drafts });
        println!("{summary}");
    } else {
        println!(
            "policy {}: {agreements} agreements, {} cases pass, no red line is crossed",
            checked.version, checked.cases
        );
        if drafts > 0 {
            println!(
                "{drafts} agreements are drafts, checked as if they began today: `disownctl init` gives them days, and a broker takes none without"
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl OfFolder {
    async fn run(self, deed: fn(String) -> Deed) -> anyhow::Result<ExitCode> {
        let version = load(&self.folder).await?.version;
        self.signed.act(Matter::Policy, deed(version)).await
    }
}

impl Explain {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let today = self.on.unwrap_or_else(this_day);
        let policy = policy::Policy::load(PolicyFiles::read(&self.folder)?.dated(today)).await?;
        let fields = self.fields(&policy)?;
        let condition = policy.agreement(&self.agreement).and_then(|agreement| agreement.condition.as_ref());
        let condition = condition.map(|condition| condition.in_words(&policy.catalogue));
        let mut rows = table(["field", "shown", "set by", "policy", "agreement", "breaking glass", "hard rule"]);
        for field in fields {
            let explained = policy
                .explain(&self.role, &self.purpose, &self.agreement, field, today)
                .map_err(|refusal| anyhow!(self.refused(refusal)))?;
            let Explained { decision, lines, agreement, break_glass, hard_rule } = explained;
            let name = &policy.catalogue.field(field).name;
            let (shown, set_by) = (decision.level.as_str(), decision.decided_by.as_str());
            let listed = agreement.map(|level| level.as_str());
            let opened = break_glass.map(|level| level.as_str());
            if self.json {
                let lines: Vec<_> =
                    lines.iter().map(|one| json!({ "file": one.file, "line": one.line, "text": one.text })).collect();
                let row = json!({ "field": name, "shown": shown, "set_by": set_by, "lines": lines, "agreement": listed, "break_glass": opened, "hard_rule": hard_rule, "condition": condition });
                println!("{row}");
                continue;
            }
            let lines: Vec<_> = lines.iter().map(|one| format!("{}:{}: {}", one.file, one.line, one.text)).collect();
            let lines = if lines.is_empty() { "no line allows it".to_owned() } else { lines.join("\n") };
            rows.add_row([
                name,
                shown,
                set_by,
                &lines,
                listed.unwrap_or("not listed"),
                opened.unwrap_or_default(),
                hard_rule.unwrap_or_default(),
            ]);
        }
        if !self.json {
            println!("{rows}");
            if let Some(condition) = condition {
                println!("covers those for whom {condition}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn fields(&self, policy: &policy::Policy) -> anyhow::Result<Vec<FieldId>> {
        if self.field.is_empty() {
            let agreement = policy.agreement(&self.agreement).with_context(|| self.refused(Refusal::Agreement))?;
            anyhow::ensure!(
                !agreement.fields.is_empty(),
                "`{}` lists no field: nothing of a dataset is read under it",
                self.agreement
            );
            return Ok(agreement.fields.keys().copied().collect());
        }
        let known = |name: &String| {
            policy.catalogue.field_named(name).with_context(|| format!("`{name}` is no field of the catalogue"))
        };
        self.field.iter().map(known).collect()
    }

    /// A broker tells a caller nothing of it; here are only names of files that whoever asks has before them.
    fn refused(&self, refusal: Refusal) -> String {
        let Self { role, purpose, agreement, .. } = self;
        match refusal {
            Refusal::Role => format!("refused: `{role}` is not a role of roles.toml"),
            Refusal::Purpose => {
                format!("refused: `{purpose}` is not a purpose of roles.toml, or none of `{agreement}`")
            }
            Refusal::Agreement => {
                format!("refused: there is no agreement `{agreement}`, or `{role}` is none of its roles")
            }
            Refusal::NotInForce => {
                format!("refused: `{agreement}` is not in force on that day, or its review is overdue")
            }
            other => format!("refused: {}", other.as_str()),
        }
    }
}
