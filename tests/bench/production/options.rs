//! The command line.

use std::time::Duration;

pub const USAGE: &str =
    "usage: cargo bench --bench production -- [--json] [--only=NAME ...] [SECONDS a run] [RUNS] [CALLERS ...]";
/// The servers are set to so many connections and a few more.
const MOST_CALLERS: usize = 256;

#[derive(Clone, Copy)]
pub enum Form {
    Table,
    JsonLines,
}

pub struct Options {
    pub lasting: Duration,
    pub runs: usize,
    pub callers: Vec<usize>,
    pub form: Form,
    /// The contenders that are measured; none named: all.
    pub only: Vec<String>,
}

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut form = Form::Table;
        let (mut numbers, mut only) = (Vec::new(), Vec::new());
        // `cargo bench` says `--bench` to whatever it runs.
        for argument in arguments.filter(|argument| argument != "--bench") {
            if argument == "--json" {
                form = Form::JsonLines;
            } else if let Some(name) = argument.strip_prefix("--only=") {
                only.push(name.to_owned());
            } else {
                let number = argument.parse().ok().filter(|number| *number > 0);
                numbers.push(number.ok_or_else(|| format!("`{argument}` is no number of one or more"))?);
            }
        }
        let mut numbers = numbers.into_iter();
        let seconds: usize = numbers.next().unwrap_or(5);
        let runs = numbers.next().unwrap_or(5);
        let mut callers: Vec<usize> = numbers.collect();
        if callers.is_empty() {
            callers = vec![1, 16, 64, 256];
        }
        if let Some(many) = callers.iter().find(|callers| **callers > MOST_CALLERS) {
            return Err(format!("{many} callers are more than {MOST_CALLERS}"));
        }
        Ok(Self { lasting: Duration::from_secs(seconds as u64), runs, callers, form, only })
    }
}
