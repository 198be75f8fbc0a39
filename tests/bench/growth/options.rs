//! The command line.

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};
use std::{fs::File, path::PathBuf, time::Duration};

pub const USAGE: &str = "\
usage: cargo bench --bench growth -- [OPTION ...] [STEP ...]
steps, all of them where none is named: subjects, entries, proofs, verify, restart, sync
options:
  --json             JSON instead of a table
  --subjects=N,...   numbers of subjects, ascending (10000,100000,1000000)
  --entries=N,...    numbers of entries, ascending (1000,1000000,10000000)
  --runs=N           so many windows, of which the median counts (3)
  --seconds=N        so long each (6)
  --proofs=N         so many of each kind (5000)
  --lock=FILE        lock this file while something is measured";

pub enum Form {
    Table,
    Json,
}

pub struct Options {
    pub form: Form,
    pub subjects: Vec<usize>,
    pub entries: Vec<u64>,
    pub runs: usize,
    pub lasting: Duration,
    pub proofs: usize,
    lock: Option<PathBuf>,
    steps: Vec<String>,
}

/// Nobody else measures, while this is kept.
pub struct Turn(#[expect(dead_code, reason = "closing it gives the turn back")] Option<File>);

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>, known: Vec<&str>) -> Result<Self, String> {
        let mut options = Self {
            form: Form::Table,
            subjects: vec![10_000, 100_000, 1_000_000],
            entries: vec![1_000, 1_000_000, 10_000_000],
            runs: 3,
            lasting: Duration::from_secs(6),
            proofs: 5_000,
            lock: None,
            steps: Vec::new(),
        };
        // `cargo bench` says `--bench` to whatever it runs.
        for argument in arguments.filter(|argument| argument != "--bench") {
            match argument.split_once('=') {
                None if argument == "--json" => options.form = Form::Json,
                None if known.contains(&argument.as_str()) => options.steps.push(argument),
                Some(("--subjects", numbers)) => {
                    options.subjects = ascending(numbers)?.into_iter().map(|number| number as usize).collect();
                }
                Some(("--entries", numbers)) => options.entries = ascending(numbers)?,
                Some(("--runs", number)) => options.runs = one(number)? as usize,
                Some(("--seconds", number)) => options.lasting = Duration::from_secs(one(number)?),
                Some(("--proofs", number)) => options.proofs = one(number)? as usize,
                Some(("--lock", file)) => options.lock = Some(file.into()),
                _ => return Err(format!("`{argument}` is neither a step nor an option")),
            }
        }
        Ok(options)
    }

    pub fn asks_for(&self, step: &str) -> bool {
        self.steps.is_empty() || self.steps.iter().any(|one| one == step)
    }

    /// Waits until nobody else measures.
    pub fn turn(&self) -> anyhow::Result<Turn> {
        let Some(path) = &self.lock else { return Ok(Turn(None)) };
        let file = File::options().create(true).append(true).open(path).with_context(|| path.display().to_string())?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(Turn(Some(file)))
    }
}

fn one(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("`{text}` is no number of one or more"))
}

fn ascending(text: &str) -> Result<Vec<u64>, String> {
    let numbers = text.split(',').map(one).collect::<Result<Vec<_>, _>>()?;
    if numbers.is_sorted() { Ok(numbers) } else { Err(format!("`{text}` is not ascending")) }
}
