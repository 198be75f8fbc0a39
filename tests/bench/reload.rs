//! 2. How long a policy takes to load, and what those notice of it who ask meanwhile.

use crate::{
    asking::{Asked, ask},
    deployment::Deployment,
    median::{median, nanoseconds, percentile},
    policies::{self, SIZES},
    report::{Goal, Report, Unit},
    served::Served,
};
use disown::policy::Policy;
use std::{
    fs,
    time::{Duration, Instant},
};

const ROUNDS: usize = 3;
const RELOADS: usize = 5;
const CALLERS: usize = 16;
const LASTING: Duration = Duration::from_secs(5);

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    for size in SIZES {
        let files = policies::of_size(size)?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let (files, start) = (files.clone(), Instant::now());
            runtime.block_on(Policy::load(files))?;
            rounds.push(nanoseconds(start.elapsed()));
        }
        report.figure_with_goal(format!("load {size} lines"), median(rounds), Unit::Nanoseconds, Goal::AtMost(5e9));
    }
    runtime.block_on(while_asking(report))
}

async fn while_asking(report: &mut Report) -> anyhow::Result<()> {
    let largest = SIZES[SIZES.len() - 1];
    let deployment = Deployment::new()?;
    deployment.replace_rules(&policies::reference_and(largest)?)?;
    let served = Served::start(deployment)?;
    served.deployment.populate(&served.address)?;
    let token = served.token()?;
    let still = ask(&served.address, &token, CALLERS, LASTING).await?;

    // As long as the reloads take; whoever asks last stops with them.
    let mut spans = Vec::new();
    let (mut during, mut others) = (Vec::new(), Asked::default());
    for round in 0..RELOADS {
        let lines = served.deployment.path("policies/measured.csv");
        fs::write(&lines, format!("{}\n# {round}\n", fs::read_to_string(&lines)?))?;
        let asking = ask(&served.address, &token, CALLERS, LASTING);
        let (asked, span) = tokio::join!(asking, served.reload());
        let (asked, (from, until)) = (asked?, span?);
        spans.push(nanoseconds(until - from));
        let overlaps = |(at, took): &&(Instant, Duration)| *at >= from && *at - *took <= until;
        during.extend(asked.answers.iter().filter(overlaps).map(|(_, took)| nanoseconds(*took)));
        others.again += asked.again;
    }
    report.figure(format!("reload of {largest} lines while {CALLERS} ask"), median(spans), Unit::Nanoseconds);
    report.figure(format!("p50 of {CALLERS} callers, no reload"), still.percentile(0.5), Unit::Nanoseconds);
    report.figure(format!("p50 of {CALLERS} callers, during one"), percentile(during.clone(), 0.5), Unit::Nanoseconds);
    report.figure(format!("p99 of {CALLERS} callers, no reload"), still.percentile(0.99), Unit::Nanoseconds);
    report.figure(format!("p99 of {CALLERS} callers, during one"), percentile(during.clone(), 0.99), Unit::Nanoseconds);
    report.figure("answers during reloads", during.len() as f64, Unit::Count);
    report.figure("told to ask again, the policy having changed", others.again as f64, Unit::Count);
    report.note(
        "load: `Policy::load`, from texts to a policy that has kept its red lines and passed its cases. While others ask: \
         SIGHUP to `disownctl serve` until it tells the new version; callers, server and the compiling share this machine.",
    );
    Ok(())
}
