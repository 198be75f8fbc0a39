//! Linked queries with receipts: the medians of some windows, and how they compare with the first ones.

use crate::{
    measured::{running::Running, subjects::Subjects, window::Figures},
    median::median,
    options::Options,
    report::{Goal, Report, Unit},
};

/// What was measured.
pub struct Linked {
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
    /// Processor time of broker and server, all of it: seconds a query.
    pub cpu: Vec<(&'static str, f64)>,
}

pub const CALLERS: usize = 64;

/// More may cost so much more.
pub const MOST: Goal = Goal::AtMost(1.2);

impl Linked {
    pub fn of(running: &Running<'_>, about: Subjects, callers: usize, options: &Options) -> anyhow::Result<Self> {
        let windows = (0..options.runs).map(|_| running.drive(about, callers, options.lasting));
        let windows = windows.collect::<anyhow::Result<Vec<Figures>>>()?;
        let over = |figure: fn(&Figures) -> f64| median(windows.iter().map(figure));
        let names = windows.iter().take(1).flat_map(|window| window.cpu.iter().map(|cpu| cpu.name)).enumerate();
        let each = |at: usize| {
            let each =
                |window: &Figures| window.cpu[at].used.as_secs_f64() / (window.rate * window.lasted.as_secs_f64());
            median(windows.iter().map(each))
        };
        Ok(Self {
            rate: over(|window| window.rate),
            p50: over(|window| window.p50),
            p99: over(|window| window.p99),
            cpu: names.map(|(at, name)| (name, each(at))).collect(),
        })
    }

    pub fn tell(&self, what: &str, report: &mut Report) {
        report.figure(format!("{what}: linked queries"), self.rate, Unit::PerSecond);
        report.figure(format!("{what}: p50"), self.p50 * 1e9, Unit::Nanoseconds);
        report.figure(format!("{what}: p99"), self.p99 * 1e9, Unit::Nanoseconds);
        for (name, seconds) in &self.cpu {
            report.figure(format!("{what}: CPU of {name} a query"), seconds * 1e9, Unit::Nanoseconds);
        }
    }
}
