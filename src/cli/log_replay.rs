//! `disownctl log replay`: every decision on record, made again.

use crate::{
    access_log::{Filter, Reader},
    config::Config,
    control::Archive,
    deployment::CONTROL,
    policy::{InForce, Recorded, Replayed},
};
use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;
use std::{collections::BTreeMap, io::IsTerminal, path::PathBuf, process::ExitCode};

/// Make every decision on record again, by the policy and the agreements that were in force then. Fails if one comes out otherwise.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The configuration of the broker.
    #[arg(long, default_value = "disown.toml")]
    config: PathBuf,
    /// The access log's public key: approvals were signed for the log that it names.
    #[arg(long)]
    key: PathBuf,
    /// From that entry on.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Entries are read so many at a time, and so many differences are shown.
const PAGE: u32 = 1000;
const SHOWN: usize = 20;

#[derive(Default)]
struct Tally {
    same: u64,
    not_repeatable: BTreeMap<&'static str, u64>,
    differ: Vec<(u64, String)>,
}

impl Replay {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::read(&self.config)?;
        let log = super::log_offline::key(&self.key)?.name().to_owned();
        let archive = Archive { reader: reader(&config).await?, log, keyring: None };
        let progress = progress(archive.reader.size().await?);
        let mut decisions = Decisions { reader: archive.reader.clone(), filter: Filter::default(), next: self.from };
        let (mut tally, mut in_force) = (Tally::default(), None);
        while let Some(page) = decisions.page().await? {
            for (index, recorded) in page {
                if in_force.as_ref().map(InForce::epoch) != Some(recorded.epoch())
                    && let Some(other) = archive.in_force(Some(recorded.epoch()), in_force.as_ref(), None).await?
                {
                    in_force = Some(other);
                }
                let known = in_force.as_ref().filter(|known: &&InForce| known.epoch() == recorded.epoch());
                let replayed = known.map_or(Replayed::Differs("its epoch is not on record".to_owned()), |known| {
                    recorded.replay(known, &config.time_zone)
                });
                tally.count(index, replayed);
            }
            progress.set_position(decisions.next);
        }
        progress.finish_and_clear();
        tally.tell(self.json);
        Ok(if tally.differ.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The access log of a configuration, to be read.
pub(super) async fn reader(config: &Config) -> anyhow::Result<Reader> {
    match &config.postgres {
        Some(postgres) => Ok(Reader::on(postgres.reader()?)),
        None => {
            let database = config.store_file(CONTROL);
            std::fs::metadata(&database).with_context(|| database.display().to_string())?;
            Ok(Reader::open(&database).await?)
        }
    }
}

/// Shown where somebody looks.
pub(super) fn progress(of: u64) -> ProgressBar {
    if std::io::stderr().is_terminal() { ProgressBar::new(of) } else { ProgressBar::hidden() }
}

/// Decisions on record, from an entry on.
pub(super) struct Decisions {
    pub(super) reader: Reader,
    pub(super) filter: Filter,
    pub(super) next: u64,
}

impl Decisions {
    /// The next of them, by their entries' indexes; none: that was all.
    pub(super) async fn page(&mut self) -> anyhow::Result<Option<Vec<(u64, Recorded)>>> {
        let (page, _) = self.reader.search(&self.filter, self.next, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.next = last.index + 1;
        let read = page.iter().filter_map(|entry| Some((entry.index, Recorded::read(&entry.actor.text)?)));
        Ok(Some(read.collect()))
    }
}

impl Tally {
    fn count(&mut self, index: u64, replayed: Replayed) {
        match replayed {
            Replayed::Same => self.same += 1,
            Replayed::NotRepeatable(why) => *self.not_repeatable.entry(why).or_default() += 1,
            Replayed::Differs(how) => self.differ.push((index, how)),
        }
    }

    fn tell(&self, as_json: bool) {
        if as_json {
            let differ: Vec<_> = self.differ.iter().map(|(index, how)| json!({ "entry": index, "how": how })).collect();
            println!("{}", json!({ "same": self.same, "not_repeatable": self.not_repeatable, "differ": differ }));
            return;
        }
        println!("{} decisions come out as they are on record", self.same);
        for (why, count) in &self.not_repeatable {
            println!("{count} refusals stand on what is not recorded: {why}");
        }
        for (index, how) in self.differ.iter().take(SHOWN) {
            println!("entry {index} does NOT: {how}");
        }
        if !self.differ.is_empty() {
            println!("{} decisions come out otherwise", self.differ.len());
        }
    }
}
