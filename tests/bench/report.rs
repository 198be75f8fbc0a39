//! What was measured, as a table or as JSON, with the goals.

use serde_json::{Value, json};

/// The figures so far.
#[derive(Default)]
pub struct Report {
    section: &'static str,
    figures: Vec<Figure>,
    notes: Vec<(&'static str, String)>,
}

struct Figure {
    section: &'static str,
    what: String,
    value: f64,
    unit: Unit,
    goal: Option<Goal>,
}

#[derive(Clone, Copy)]
pub enum Unit {
    Nanoseconds,
    PerSecond,
    Times,
    Bytes,
    Count,
}

#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Report {
    pub fn begin(&mut self, section: &'static str) {
        self.section = section;
    }

    pub fn figure(&mut self, what: impl Into<String>, value: f64, unit: Unit) {
        self.add(what.into(), value, unit, None);
    }

    pub fn figure_with_goal(&mut self, what: impl Into<String>, value: f64, unit: Unit, goal: Goal) {
        self.add(what.into(), value, unit, Some(goal));
    }

    /// How the figures of this section are to be read.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push((self.section, note.into()));
    }

    fn add(&mut self, what: String, value: f64, unit: Unit, goal: Option<Goal>) {
        eprintln!("{}: {what}: {}", self.section, unit.told(value));
        self.figures.push(Figure { section: self.section, what, value, unit, goal });
    }

    pub fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.set_header(["section", "what", "figure", "goal", ""]);
        for figure in &self.figures {
            let (goal, met) = match figure.goal {
                None => (String::new(), ""),
                Some(goal) => (goal.told(figure.unit), if goal.is_met(figure.value) { "met" } else { "MISSED" }),
            };
            table.add_row([figure.section, &figure.what, &figure.unit.told(figure.value), &goal, met]);
        }
        let notes: String = self.notes.iter().map(|(section, note)| format!("\n{section}: {note}")).collect();
        format!("{table}\n{notes}")
    }

    pub fn json(&self) -> Value {
        let figures: Vec<_> = self
            .figures
            .iter()
            .map(|figure| {
                let mut value = json!({ "section": figure.section, "what": figure.what, "value": figure.value, "unit": figure.unit.name() });
                if let Some(goal) = figure.goal {
                    value["goal"] = json!(goal.told(figure.unit));
                    value["met"] = json!(goal.is_met(figure.value));
                }
                value
            })
            .collect();
        let notes: Vec<_> =
            self.notes.iter().map(|(section, note)| json!({ "section": section, "note": note })).collect();
        json!({ "figures": figures, "notes": notes })
    }
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Goal::AtMost(most) => value <= most,
            Goal::AtLeast(least) => value >= least,
        }
    }

    fn told(self, unit: Unit) -> String {
        match self {
            Goal::AtMost(most) => format!("at most {}", unit.told(most)),
            Goal::AtLeast(least) => format!("at least {}", unit.told(least)),
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "ns",
            Unit::PerSecond => "1/s",
            Unit::Times => "times",
            Unit::Bytes => "bytes",
            Unit::Count => "count",
        }
    }

    fn told(self, value: f64) -> String {
        match self {
            Unit::Nanoseconds if value < 1e3 => format!("{value:.0} ns"),
            Unit::Nanoseconds if value < 1e6 => format!("{:.2} µs", value / 1e3),
            Unit::Nanoseconds if value < 1e9 => format!("{:.2} ms", value / 1e6),
            Unit::Nanoseconds => format!("{:.2} s", value / 1e9),
            Unit::PerSecond => format!("{value:.0} /s"),
            Unit::Times => format!("{value:.2} ×"),
            Unit::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Unit::Count => format!("{value:.0}"),
        }
    }
}
