//! `disownctl policy diff`: what a change of policy alters, before it is in force.

use super::{
    log_replay::{Decisions, progress, reader},
    policy::this_day,
    table::table,
};
use crate::{
    access_log::Filter,
    clock::{Clock, SystemClock},
    config::Config,
    policy::{Change, InForce, OtherTerms, Policy, PolicyFiles, Replayed},
};
use anyhow::Context;
use clap::Args;
use jiff::{SignedDuration, civil::Date};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// List what changes between two policy folders: for each role, purpose and agreement, every field, record type and operation.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The folder as it is.
    old: PathBuf,
    /// The folder as it would be, its agreements as if they were approved.
    new: PathBuf,
    /// On which day; left out: today.
    #[arg(long)]
    on: Option<Date>,
    /// Also which answers and refusals of so many past days would have been others.
    #[arg(long, value_name = "DAYS", requires = "config")]
    replay: Option<u16>,
    /// The configuration of the broker whose access log that is.
    #[arg(long)]
    config: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What became of past decisions.
#[derive(Default)]
struct Past {
    same: u64,
    not_repeatable: u64,
    differ: Vec<(u64, String)>,
}

impl Diff {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let today = self.on.unwrap_or_else(this_day);
        let (old, new) = (load(&self.old, today).await?, load(&self.new, today).await?);
        let (changes, terms) = (old.changes(&new, today), old.other_terms(&new));
        let past = match (self.replay, &self.config) {
            (Some(days), Some(config)) => Some(past(new, days, &Config::read(config)?).await?),
            _ => None,
        };
        if self.json {
            let past = past.as_ref().map(|past| {
                let differ: Vec<_> = past.differ.iter().map(|(at, how)| json!({ "entry": at, "how": how })).collect();
                json!({ "same": past.same, "not_repeatable": past.not_repeatable, "differ": differ })
            });
            println!("{}", json!({ "changes": changes, "terms": terms, "past": past }));
        } else {
            tell(&changes, &terms);
            past.iter().for_each(Past::tell);
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn load(folder: &std::path::Path, today: Date) -> anyhow::Result<Policy> {
    Policy::load(PolicyFiles::read(folder)?.dated(today)).await.with_context(|| folder.display().to_string())
}

async fn past(new: Policy, days: u16, config: &Config) -> anyhow::Result<Past> {
    let reader = reader(config).await?;
    let since = SystemClock.now() - SignedDuration::from_hours(24 * i64::from(days));
    let filter = Filter { from: Some(format!("{since:.6}")), ..Filter::default() };
    let progress = progress(reader.size().await?);
    let (in_force, mut past) = (InForce::nowhere(new), Past::default());
    let mut decisions = Decisions { reader, filter, next: 0 };
    while let Some(page) = decisions.page().await? {
        for (index, recorded) in page {
            match recorded.under(&in_force, &config.time_zone) {
                Replayed::Same => past.same += 1,
                Replayed::NotRepeatable(_) => past.not_repeatable += 1,
                Replayed::Differs(how) => past.differ.push((index, how)),
            }
        }
        progress.set_position(decisions.next);
    }
    progress.finish_and_clear();
    Ok(past)
}

fn tell(changes: &[Change], terms: &[OtherTerms]) {
    if changes.is_empty() {
        println!("nobody may anything more or less");
    } else {
        let mut rows = table(["agreement", "role", "purpose", "what", "before", "after"]);
        for one in changes {
            rows.add_row([&one.agreement, &one.role, &one.purpose, &one.what, one.before, one.after]);
        }
        println!("{rows}");
    }
    for one in terms {
        match &one.parts[..] {
            [] => println!("agreement {}: there is none on one side", one.agreement),
            parts => println!("agreement {}: other {}", one.agreement, parts.join(", ")),
        }
    }
}

impl Past {
    fn tell(&self) {
        let Self { same, not_repeatable, differ } = self;
        for (index, how) in differ {
            println!("entry {index}: {how}");
        }
        println!(
            "{} past decisions would have been others, {same} the same; {not_repeatable} refusals stand on what is not recorded",
            differ.len()
        );
    }
}
