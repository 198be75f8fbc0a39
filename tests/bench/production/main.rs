//! The broker, and what somebody would pick instead, in one run on this machine: the same question about one subject of three
//! datasets, asked in each of these ways.
//!
//! - *broker*: databases apart, over gRPC with TLS and token; the entry durable, the receipt given
//! - *merged*: one PostgreSQL with row-level security, column grants, and a function that records the question and answers it
//! - *PostgREST*: the same behind an API, with a token that carries the role
//! - *pgaudit*: the same tables and policies; the server's own log has the record
//! - *look-ups*: the same tables without policies or any record
//!
//!     cargo bench --bench production -- [--json] [--only=NAME ...] [SECONDS a run, default 5] [RUNS, default 5] [CALLERS ..., default 1 16 64 256]
//!
//! Prints medians of the runs. Ends with 1 where a contender failed; one whose tools are not here does no harm.
#![allow(missing_docs, unreachable_pub, reason = "a program has no other users")]

mod broker;
mod callers;
mod contender;
mod ground;
mod loaded;
#[path = "../median.rs"]
#[allow(dead_code, reason = "the figures use all of it")]
mod median;
#[path = "../measured/mod.rs"]
#[allow(dead_code, reason = "each benchmark that has it uses its part")]
mod measured;
mod medians;
mod merged;
mod options;
mod pgaudit;
mod pgbench;
mod postgrest;
mod queried;
mod question;
mod recorded;
mod report;

/// Like the broker's: what is measured is not the system's allocator in the caller.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use contender::Contender;
use ground::Ground;
use measured::{account, asked, child, cluster, deployed, laid_out, process, running, subjects, window};
use options::Options;
use report::Report;
use std::process::ExitCode;

/// Finds what a contender needs and prepares it, once. What cannot be prepared is not here.
type Prepare = fn(&Ground) -> anyhow::Result<Box<dyn Contender>>;

/// What is measured, in the order of the table: add a contender here.
const CONTENDERS: &[(&str, Prepare)] = &[
    ("broker", broker::prepare),
    ("merged", queried::with_function),
    ("PostgREST", postgrest::prepare),
    ("pgaudit", pgaudit::prepare),
    ("look-ups", queried::without_policy),
];

fn main() -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}\n{}", options::USAGE);
            return Ok(ExitCode::from(2));
        }
    };
    let ground = Ground::default();
    let mut report = Report::new(&options);
    let mut contenders = Vec::new();
    let asked_for = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    for (name, prepare) in CONTENDERS.iter().copied().filter(|(name, _)| asked_for(name)) {
        eprintln!("preparing: {name}");
        match prepare(&ground) {
            Ok(contender) => contenders.push((name, contender)),
            Err(why) => report.not_here(name, &why),
        }
    }
    let mut failed = false;
    for run in 0..options.runs {
        contenders.retain(|(name, contender)| {
            eprintln!("run {} of {}: {name}", run + 1, options.runs);
            let measured = measure(contender.as_ref(), &options);
            let goes_on = measured.is_ok();
            match measured {
                Ok(figures) => report.run(name, figures),
                Err(why) => report.failed(name, &why),
            }
            failed |= !goes_on;
            goes_on
        });
        // Another one begins the next run, so that what else the machine does hits all alike.
        let next = contenders.len().min(1);
        contenders.rotate_left(next);
    }
    report.print(CONTENDERS.iter().map(|(name, _)| *name));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One turn of a contender: nothing of it runs before or afterwards.
fn measure(contender: &dyn Contender, options: &Options) -> anyhow::Result<Vec<window::Figures>> {
    let mut started = contender.start()?;
    options.callers.iter().map(|callers| started.drive(*callers, options.lasting)).collect()
}
