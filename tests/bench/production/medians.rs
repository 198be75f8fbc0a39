//! Medians of several runs with the same number of callers, each figure by itself.

use crate::{median::median, window::Figures};
use serde_json::{Map, Value, json};

pub struct Medians {
    callers: usize,
    rate: f64,
    /// Lowest and highest rate: how far the runs agree.
    range: (f64, f64),
    p50: f64,
    p99: f64,
    cpu: Vec<Cpu>,
}

struct Cpu {
    name: &'static str,
    /// Seconds of it each second.
    busy: f64,
}

impl Medians {
    pub const HEADER: [&str; 8] =
        ["", "callers", "requests/s", "of the runs", "p50", "p99", "CPU s each second", "CPU µs a request"];

    pub fn of(callers: usize, runs: &[&Figures]) -> Self {
        let over = |figure: fn(&Figures) -> f64| runs.iter().map(move |run| figure(run));
        let processes = runs.first().map(|run| run.cpu.iter().map(|cpu| cpu.name)).into_iter().flatten();
        let busy = |at: usize| runs.iter().map(move |run| run.cpu[at].used.as_secs_f64() / run.lasted.as_secs_f64());
        Self {
            callers,
            rate: median(over(|run| run.rate)),
            range: over(|run| run.rate)
                .fold((f64::INFINITY, 0.0), |(lowest, highest), rate| (rate.min(lowest), rate.max(highest))),
            p50: median(over(|run| run.p50)),
            p99: median(over(|run| run.p99)),
            cpu: processes.enumerate().map(|(at, name)| Cpu { name, busy: median(busy(at)) }).collect(),
        }
    }

    pub fn cells(&self, contender: &str) -> [String; 8] {
        let each = |told: &dyn Fn(f64) -> String| {
            let told: Vec<_> = self.cpu.iter().map(|cpu| format!("{} {}", cpu.name, told(cpu.busy))).collect();
            told.join(", ")
        };
        [
            contender.to_owned(),
            self.callers.to_string(),
            format!("{:.0}", self.rate),
            format!("{:.0} to {:.0}", self.range.0, self.range.1),
            milliseconds(self.p50),
            milliseconds(self.p99),
            each(&|busy| format!("{busy:.2}")),
            each(&|busy| format!("{:.0}", busy / self.rate * 1e6)),
        ]
    }

    pub fn json(&self, contender: &str) -> Value {
        let each = |told: &dyn Fn(f64) -> f64| -> Map<String, Value> {
            self.cpu.iter().map(|cpu| (cpu.name.to_owned(), json!(told(cpu.busy)))).collect()
        };
        json!({
            "contender": contender,
            "callers": self.callers,
            "requests_per_second": self.rate,
            "lowest": self.range.0,
            "highest": self.range.1,
            "p50_seconds": self.p50,
            "p99_seconds": self.p99,
            "cpu_seconds_each_second": each(&|busy| busy),
            "cpu_seconds_a_request": each(&|busy| busy / self.rate),
        })
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.2} ms", seconds * 1e3)
}
