//! Linked queries where each sync of the server takes 5 ms longer: what waits for a commit is the next one's batch.

use crate::{
    deployment::Deployment,
    linked::{CALLERS, Linked},
    measured::{cluster::KEEPER, running::Running, subjects::Subjects},
    options::Options,
    records,
    report::{Goal, Report, Unit},
    syncs,
};
use anyhow::ensure;

const SUBJECTS: Subjects = Subjects { first: 0, count: 10_000 };
const MORE: usize = 256;
const SLOW_MS: f64 = 5.0;
/// Of the queries without it.
const LEAST: Goal = Goal::AtLeast(0.6);

pub fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.begin("sync");
    let deployment = Deployment::new()?;
    eprintln!("filling: {} subjects", SUBJECTS.count);
    deployment.fill(|parts| Box::pin(records::put_in(parts, SUBJECTS, 0..SUBJECTS.count)))?;
    let library = syncs::compiled(deployment.sockets())?;
    let delay = SLOW_MS.to_string();
    let slow = syncs::environment(&library, &delay);
    let mut rates = Vec::new();
    for (disk, environment) in [("this disk", &[][..]), ("syncs of 5 ms", &slow[..])] {
        eprintln!("measuring: {disk}");
        let _turn = options.turn()?;
        let running = deployment.serve(environment)?;
        let alone = Linked::of(&running, SUBJECTS, 1, options)?;
        alone.tell(&format!("{disk}, 1 caller"), report);
        // Otherwise the library was not loaded, and the goal below would be about another disk.
        ensure!(environment.is_empty() || alone.p50 > SLOW_MS / 1e3, "the slow disk is not slow");
        for callers in [CALLERS, MORE] {
            let before = log(&running)?;
            let linked = Linked::of(&running, SUBJECTS, callers, options)?;
            let after = log(&running)?;
            let what = format!("{disk}, {callers} callers");
            linked.tell(&what, report);
            report.figure(
                format!("{what}: entries a commit"),
                (after.0 - before.0) / (after.1 - before.1),
                Unit::Count,
            );
            rates.push((callers, linked.rate));
        }
    }
    for ((callers, fast), (_, slow)) in rates.iter().zip(&rates[2..]) {
        let what = format!("{callers} callers: syncs of 5 ms to this disk");
        match *callers {
            CALLERS => report.figure_with_goal(what, slow / fast, Unit::Times, LEAST),
            _ => report.figure(what, slow / fast, Unit::Times),
        }
    }
    Ok(())
}

/// Entries and heads.
fn log(running: &Running<'_>) -> anyhow::Result<(f64, f64)> {
    let ask = |what: &str| -> anyhow::Result<f64> {
        Ok(running.server.query_in(KEEPER, "disown_control", &format!("SELECT {what} FROM head"))?.parse()?)
    };
    Ok((ask("max(size)")?, ask("count(*)")?))
}
