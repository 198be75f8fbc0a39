//! Proofs out of the access log, one after another, each of another entry or an older tree. Every one is verified.

use crate::{
    deployment::Deployment,
    median::{nanoseconds, percentile},
    options::Options,
    report::{Goal, Report, Unit},
};
use anyhow::Context;
use disown::access_log::{
    Reader,
    checkpoint::{Checkpoint, LogKey},
    proof::{verify_consistency, verify_inclusion},
};
use std::time::Instant;

const WARMING: usize = 100;
const MOST: Goal = Goal::AtMost(1e6);

pub fn measure(deployment: &Deployment, entries: u64, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let _server = deployment.server()?;
    let parts = deployment.parts()?;
    let server = parts.config.postgres.as_ref().context("a deployment without servers")?.reader()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let proving = runtime.spawn(prove(server, parts.keyring.log_key(), options.proofs));
    let (inclusion, consistency) = runtime.block_on(proving)??;
    for (kind, took) in [("inclusion", inclusion), ("consistency", consistency)] {
        let what = format!("{entries} entries, {kind} proof");
        report.figure(format!("{what}: p50"), percentile(took.iter().copied(), 0.5), Unit::Nanoseconds);
        report.figure_with_goal(format!("{what}: p99"), percentile(took, 0.99), Unit::Nanoseconds, MOST);
    }
    Ok(())
}

/// Nanoseconds of each inclusion and of each consistency proof.
async fn prove(
    server: disown::database::postgres::Server,
    key: LogKey,
    count: usize,
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let reader = Reader::on(server);
    let notes = reader.checkpoints().await?;
    let last = Checkpoint::open(notes.last().context("nothing is signed")?, &key)?;
    let (mut inclusion, mut consistency) = (Vec::new(), Vec::new());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for nth in 0..WARMING + count {
        // xorshift: in an order that no cache foresees.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let index = state % last.size();
        let start = Instant::now();
        let (commitments, path) = reader.prove_inclusion(index, last.size()).await?;
        let included = start.elapsed();
        verify_inclusion(&commitments.leaf(), index, last.size(), &path, last.root())?;
        let old = Checkpoint::open(&notes[state as usize % notes.len()], &key)?;
        let start = Instant::now();
        let path = reader.prove_consistency(old.size(), last.size()).await?;
        let consistent = start.elapsed();
        verify_consistency(old.size(), old.root(), last.size(), last.root(), &path)?;
        if nth >= WARMING {
            inclusion.push(nanoseconds(included));
            consistency.push(nanoseconds(consistent));
        }
    }
    Ok((inclusion, consistency))
}
