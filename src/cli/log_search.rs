//! `disownctl log search` and `disownctl log count`.

use super::{client::Client, log_offline::ExportLine, subject::subject_of, table::table};
use crate::pb::{self, audit_service_client::AuditServiceClient};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// Filters: every one given must match.
#[derive(Debug, Args)]
pub(super) struct Filters {
    /// Earliest time, RFC 3339.
    #[arg(long, default_value = "")]
    from: String,
    /// Time before which, RFC 3339.
    #[arg(long, default_value = "")]
    until: String,
    /// Who asked.
    #[arg(long, default_value = "")]
    by: String,
    /// For which organisation.
    #[arg(long, default_value = "")]
    organisation: String,
    /// For what.
    #[arg(long = "for-purpose", default_value = "")]
    for_purpose: String,
    /// Under which agreement.
    #[arg(long = "under-agreement", default_value = "")]
    under_agreement: String,
    /// What was told: answered, denied, invalid, stored, searched, restricted, lifted, done.
    #[arg(long, default_value = "")]
    outcome: String,
    /// Kind of entry: release, denial, input, change, administration, inspection, notice.
    #[arg(long, default_value = "")]
    kind: String,
    /// What raised an alarm: limit, break_glass, own, colleague, protected, honey, any.
    #[arg(long, default_value = "")]
    alarm: String,
    /// What concerns one subject: scheme and value; `-` reads it from standard input, which keeps it out of the shell's history.
    /// Needs a role that is entitled to it.
    #[arg(long)]
    about: Option<String>,
}

/// Search.
#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(flatten)]
    filters: Filters,
    /// As JSON lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: Client,
}

/// Count.
#[derive(Debug, Args)]
pub(super) struct Count {
    /// For each of what, at most three: caller, organisation, role, purpose, agreement, case_reference, outcome, kind, refusal,
    /// policy_version, day.
    #[arg(long, value_delimiter = ',')]
    per: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// As JSON lines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: Client,
}

impl Filters {
    fn message(self) -> anyhow::Result<pb::LogFilter> {
        Ok(pb::LogFilter {
            from: self.from,
            until: self.until,
            caller: self.by,
            organisation: self.organisation,
            purpose: self.for_purpose,
            agreement: self.under_agreement,
            outcome: self.outcome,
            kind: self.kind,
            alarm: self.alarm,
            subject: self.about.map(subject_of).transpose()?.unwrap_or_default(),
        })
    }
}

impl Search {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let request = pb::SearchRequest {
            terms: Some(self.client.terms()),
            filter: Some(self.filters.message()?),
            ..Default::default()
        };
        let mut client = AuditServiceClient::new(self.client.connect().await?);
        let mut pages = client.search(request).await?.into_inner();
        let mut rows = entries_table();
        while let Some(page) = pages.message().await? {
            for entry in page.entries {
                if self.json {
                    println!("{}", serde_json::to_string(&line(entry)?)?)
                } else {
                    add_row(&mut rows, &entry)?
                }
            }
        }
        if !self.json {
            println!("{rows}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Count {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let request = pb::CountRequest {
            terms: Some(self.client.terms()),
            filter: Some(self.filters.message()?),
            by: self.per.clone(),
        };
        let mut client = AuditServiceClient::new(self.client.connect().await?);
        let groups = client.count(request).await?.into_inner().groups;
        if self.json {
            for group in groups {
                let mut counted = json!({ "entries": group.entries, "records": group.records });
                for (part, value) in self.per.iter().zip(group.values) {
                    counted[part] = json!(value);
                }
                println!("{counted}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let mut rows = table(self.per.iter().map(String::as_str).chain(["entries", "records"]));
        for group in groups {
            rows.add_row(group.values.into_iter().chain([group.entries.to_string(), group.records.to_string()]));
        }
        println!("{rows}");
        Ok(ExitCode::SUCCESS)
    }
}

/// An entry as it is exported.
pub(super) fn line(entry: pb::LoggedEntry) -> anyhow::Result<ExportLine> {
    Ok(ExportLine {
        index: entry.index,
        actor: String::from_utf8(entry.actor_part)?,
        actor_salt: hex::encode(entry.actor_salt),
        subject: String::from_utf8(entry.subject_part)?,
        subject_salt: hex::encode(entry.subject_salt),
        answer_commitment: hex::encode(entry.answer_commitment),
    })
}

/// A table for entries.
pub(super) fn entries_table() -> comfy_table::Table {
    table(["entry", "time", "kind", "caller", "role", "told", "records", "true reason"])
}

/// One entry in it.
pub(super) fn add_row(table: &mut comfy_table::Table, entry: &pb::LoggedEntry) -> anyhow::Result<()> {
    let actor: serde_json::Value = serde_json::from_slice(&entry.actor_part)?;
    let subject: serde_json::Value = serde_json::from_slice(&entry.subject_part)?;
    let text = |part: &serde_json::Value, name: &str| match &part[name] {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let records =
        if actor["batch_records"].is_null() { text(&actor, "records") } else { text(&actor, "batch_records") };
    let time = text(&actor, "time").chars().take(16).collect::<String>().replace('T', " ");
    let reason = if subject["reason"].is_null() { text(&actor, "refusal") } else { text(&subject, "reason") };
    let names = ["kind", "caller", "role", "outcome"].map(|name| text(&actor, name));
    let [kind, caller, role, outcome] = names;
    table.add_row([entry.index.to_string(), time, kind, caller, role, outcome, records, reason]);
    Ok(())
}
