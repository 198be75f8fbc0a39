//! One row of the table of faults: which fault, how often it was made to happen, and what came of it. `tests/faults/run` runs the
//! tests that make one and prints their rows.

use crate::harness::{Engine, engine};
use std::{fs::OpenOptions, io::Write};

/// A fault that is tried so many times.
pub struct Trial {
    id: &'static str,
    fault: &'static str,
    cycles: u64,
    ending: Ending,
}

enum Ending {
    Failed,
    NotTried,
    Passed(Outcome),
}

/// What clients received meanwhile, and what of it stood in no entry of the log. Whatever else a fault must not do fails its test.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub released: u64,
    pub without_entry: u64,
}

impl Outcome {
    /// With what came of another round.
    pub fn add(&mut self, other: Outcome) {
        self.released += other.released;
        self.without_entry += other.without_entry;
    }
}

impl Trial {
    /// `id`: F01 to F46. `short`: how often with every run of the tests. `long`: with `DISOWN_FAULTS=long`.
    pub fn new(id: &'static str, fault: &'static str, short: u64, long: u64) -> Self {
        Self { id, fault, cycles: if is_long() { long } else { short }, ending: Ending::Failed }
    }

    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// How often it did happen, where not every try makes it.
    pub fn happened(&mut self, cycles: u64) {
        self.cycles = cycles;
    }

    /// The end of a trial in which nothing was seen that must not be. One that is dropped without it counts as failed.
    pub fn passed(mut self, outcome: Outcome) {
        assert_eq!(outcome.without_entry, 0, "{}: released without an entry", self.id);
        self.ending = Ending::Passed(outcome);
    }

    /// The end of one that this machine does not allow. It is no success: the table says so.
    pub fn not_tried(mut self) {
        (self.cycles, self.ending) = (0, Ending::NotTried);
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let (said, Outcome { released, without_entry }) = match self.ending {
            Ending::Passed(outcome) => ("passed", outcome),
            Ending::NotTried => ("NOT TRIED", Outcome::default()),
            Ending::Failed => ("FAILED", Outcome::default()),
        };
        let (id, fault, cycles) = (self.id, self.fault, self.cycles);
        let engine = match engine() {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        };
        let row = format!("{id}\t{engine}\t{fault}\t{cycles}\t{released}\t{without_entry}\t{said}\n");
        print!("fault: {row}");
        if let Some(table) = told("DISOWN_FAULTS_TABLE") {
            // One write a row: tests run side by side.
            let file = OpenOptions::new().create(true).append(true).open(table);
            if let Err(error) = file.and_then(|mut file| file.write_all(row.as_bytes())) {
                println!("the table of faults is not written: {error}");
            }
        }
    }
}

/// Whether each fault is tried as often as takes an hour or so in all.
fn is_long() -> bool {
    match told("DISOWN_FAULTS").as_deref() {
        None | Some("short") => false,
        Some("long") => true,
        Some(other) => panic!("DISOWN_FAULTS is `{other}`, and neither `short` nor `long`"),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a test goes on is told from outside")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
