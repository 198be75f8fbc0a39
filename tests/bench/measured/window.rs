//! The time that counts: answers and processor time of the same seconds, whoever drives the load.

use super::process::{Cpu, Process};
use crate::median::percentile;
use anyhow::{Context, ensure};
use std::{
    thread::sleep,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Before a window opens: connections are up, statements prepared, and the tables in memory.
pub const WARMING: Duration = Duration::from_secs(1);

/// When an answer came, by the system's clock, and how long it took.
pub struct Answer {
    pub at: Duration,
    pub took: Duration,
}

/// What one window gave.
pub struct Figures {
    /// Answers a second.
    pub rate: f64,
    /// Seconds.
    pub p50: f64,
    pub p99: f64,
    /// Of each process, by its name, in all the time.
    pub cpu: Vec<Cpu>,
    pub lasted: Duration,
}

pub struct Window {
    from: Duration,
    until: Duration,
    cpu: Vec<Cpu>,
}

impl Window {
    /// Waits for so long, and notes what the processes do meanwhile.
    pub fn watch(processes: &[Process], lasting: Duration) -> anyhow::Result<Self> {
        let look = || processes.iter().map(Process::cpu).collect::<anyhow::Result<Vec<_>>>();
        let (from, before) = (now()?, look()?);
        sleep(lasting);
        let (until, mut cpu) = (now()?, look()?);
        for (after, before) in cpu.iter_mut().zip(before) {
            after.used = after.used.saturating_sub(before.used);
        }
        Ok(Self { from, until, cpu })
    }

    /// Of the answers those that came within.
    pub fn figures(self, answers: &[Answer]) -> anyhow::Result<Figures> {
        let within = answers.iter().filter(|answer| (self.from..self.until).contains(&answer.at));
        let took: Vec<f64> = within.map(|answer| answer.took.as_secs_f64()).collect();
        ensure!(!took.is_empty(), "no answer came within the time");
        let lasted = self.until.saturating_sub(self.from);
        Ok(Figures {
            rate: took.len() as f64 / lasted.as_secs_f64(),
            p50: percentile(took.iter().copied(), 0.5),
            p99: percentile(took, 0.99),
            cpu: self.cpu,
            lasted,
        })
    }
}

/// By the system's clock, for a load that runs in another process tells its times by it.
#[expect(clippy::disallowed_methods, reason = "a measurement happens now")]
pub fn now() -> anyhow::Result<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")
}
