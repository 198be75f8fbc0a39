//! What came of each contender, as a table or as lines of JSON.

use crate::{
    medians::Medians,
    options::{Form, Options},
    question::SUBJECTS,
    window::Figures,
};
use serde_json::json;
use std::collections::HashMap;

pub struct Report<'a> {
    options: &'a Options,
    outcomes: HashMap<&'static str, Outcome>,
}

enum Outcome {
    /// Of each run the figures by the number of callers, as the options list them.
    Measured(Vec<Vec<Figures>>),
    /// `not here` or `failed`, and why.
    Without(&'static str, String),
}

impl<'a> Report<'a> {
    pub fn new(options: &'a Options) -> Self {
        Self { options, outcomes: HashMap::new() }
    }

    pub fn run(&mut self, contender: &'static str, figures: Vec<Figures>) {
        let outcome = self.outcomes.entry(contender).or_insert_with(|| Outcome::Measured(Vec::new()));
        if let Outcome::Measured(runs) = outcome {
            runs.push(figures);
        }
    }

    pub fn not_here(&mut self, contender: &'static str, why: &anyhow::Error) {
        self.outcomes.insert(contender, Outcome::Without("not here", format!("{why:#}")));
    }

    /// Its earlier runs are not told either: medians of fewer runs would look like those of the others.
    pub fn failed(&mut self, contender: &'static str, why: &anyhow::Error) {
        self.outcomes.insert(contender, Outcome::Without("failed", format!("{why:#}")));
    }

    pub fn print(&self, contenders: impl IntoIterator<Item = &'static str>) {
        let outcomes = contenders.into_iter().filter_map(|name| Some((name, self.outcomes.get(name)?)));
        match self.options.form {
            Form::Table => self.table(outcomes),
            Form::JsonLines => self.json_lines(outcomes),
        }
    }

    fn table<'o>(&self, outcomes: impl Iterator<Item = (&'static str, &'o Outcome)>) {
        let mut table = comfy_table::Table::new();
        let mut without = Vec::new();
        table.load_style(comfy_table::presets::ASCII_MARKDOWN).set_header(Medians::HEADER);
        for (name, outcome) in outcomes {
            match outcome {
                Outcome::Measured(runs) => {
                    for medians in self.medians(runs) {
                        table.add_row(medians.cells(name));
                    }
                }
                Outcome::Without(what, why) => without.push(format!("{name}: {what}: {why}")),
            }
        }
        println!("{table}");
        for line in without {
            println!("{line}");
        }
        let (runs, seconds) = (self.options.runs, self.options.lasting.as_secs());
        let subjects = SUBJECTS.count;
        println!("Medians of {runs} runs of {seconds} s, {subjects} subjects. Callers and servers share this machine.");
    }

    fn json_lines<'o>(&self, outcomes: impl Iterator<Item = (&'static str, &'o Outcome)>) {
        for (name, outcome) in outcomes {
            match outcome {
                Outcome::Measured(runs) => {
                    for medians in self.medians(runs) {
                        println!("{}", medians.json(name));
                    }
                }
                Outcome::Without(what, why) => println!("{}", json!({ "contender": name, *what: why })),
            }
        }
    }

    fn medians(&self, runs: &[Vec<Figures>]) -> impl Iterator<Item = Medians> {
        self.options.callers.iter().enumerate().map(|(at, callers)| {
            let figures: Vec<&Figures> = runs.iter().map(|run| &run[at]).collect();
            Medians::of(*callers, &figures)
        })
    }
}
