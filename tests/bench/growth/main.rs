//! What a broker on PostgreSQL costs as subjects and entries become more, and as the disk becomes slower.
//!
//! - *subjects*: linked queries a second over so many subjects
//! - *entries*: the same with so many entries in the access log
//! - *proofs*: how long an inclusion and a consistency proof take in it
//! - *verify*: how many entries `disownctl log verify` hashes again in a second of a core
//! - *restart*: how long `disownctl serve` takes until it is ready
//! - *sync*: linked queries a second where each sync takes 5 ms longer
//!
//!     cargo bench --bench growth -- [--json] [--subjects=N,N ...] [--entries=N,N ...] [--runs=N] [--seconds=N] [--lock=FILE] [STEP ...]
//!
//! Filling it up has the lowest priority. With `--lock` the file is locked while something is measured, and only then.
#![allow(missing_docs, unreachable_pub, reason = "a program has no other users")]

mod copied;
mod deployment;
mod entries;
mod filling;
mod linked;
mod log;
#[path = "../measured/mod.rs"]
#[allow(dead_code, reason = "each benchmark that has it uses its part")]
mod measured;
#[path = "../median.rs"]
#[allow(dead_code, reason = "the figures use all of it")]
mod median;
mod options;
mod proofs;
mod records;
#[path = "../report.rs"]
#[allow(dead_code, reason = "the figures use all of it")]
mod report;
mod restart;
mod slow;
#[path = "../syncs.rs"]
mod syncs;
mod subjects;
mod verify;

/// Like the broker's: what is measured is not the system's allocator in the caller.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use options::{Form, Options};
use report::Report;
use std::process::ExitCode;

/// What fills a deployment and measures it, and the steps that it is for.
type Part = (&'static [&'static str], fn(&Options, &mut Report) -> anyhow::Result<()>);

const PARTS: [Part; 3] = [
    (&["subjects"], subjects::measure),
    (&["entries", "proofs", "verify", "restart"], log::measure),
    (&["sync"], slow::measure),
];

fn main() -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let steps = PARTS.iter().flat_map(|(steps, _)| steps.iter().copied());
    let options = match Options::parse(std::env::args().skip(1), steps.collect()) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}\n{}", options::USAGE);
            return Ok(ExitCode::from(2));
        }
    };
    let mut report = Report::default();
    let mut failed = false;
    for (steps, measure) in PARTS {
        if steps.iter().any(|step| options.asks_for(step))
            && let Err(why) = measure(&options, &mut report)
        {
            eprintln!("failed: {why:#}");
            failed = true;
        }
    }
    match options.form {
        Form::Table => println!("{}", report.table()),
        Form::Json => println!("{}", report.json()),
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
