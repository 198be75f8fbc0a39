//! Disown's figures, measured on this machine: `cargo bench --bench figures`.
//!
//! With names of sections after `--` only those are measured; `--json` prints JSON. Nothing of it runs with `cargo test`.
#![allow(missing_docs, unreachable_pub, reason = "a program has no other users")]

mod appending;
mod asking;
#[path = "../it/harness/conditions.rs"]
#[expect(dead_code, reason = "the police are not measured here")]
mod conditions;
mod decision;
mod deployment;
mod limits;
mod median;
mod policies;
mod reload;
mod report;
mod served;
mod serving;
mod syncs;
mod stages;

use report::Report;
use std::process::ExitCode;

type Section = (&'static str, fn(&mut Report) -> anyhow::Result<()>);

const SECTIONS: [Section; 5] = [
    ("decision", decision::measure),
    ("reload", reload::measure),
    ("appending", appending::measure),
    ("serving", serving::measure),
    ("stages", stages::measure),
];

fn main() -> anyhow::Result<ExitCode> {
    // `cargo bench` says `--bench` to whatever it runs.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some((appending::CHILD, rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return appending::child(rest).map(|()| ExitCode::SUCCESS);
    }
    let (options, names): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|one| one.starts_with('-'));
    let known = |name: &&String| SECTIONS.iter().any(|(section, _)| section == name);
    if options.iter().any(|option| *option != "--json") || !names.iter().all(known) {
        let sections: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: cargo bench --bench figures -- [--json] [SECTION ...]\nsections: {}", sections.join(", "));
        return Ok(ExitCode::from(2));
    }
    let mut report = Report::default();
    for (name, measure) in SECTIONS {
        if names.is_empty() || names.iter().any(|wanted| *wanted == name) {
            eprintln!("measuring: {name}");
            report.begin(name);
            measure(&mut report)?;
        }
    }
    if options.is_empty() {
        println!("{}", report.table());
    } else {
        println!("{}", report.json());
    }
    Ok(ExitCode::SUCCESS)
}
