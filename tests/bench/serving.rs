//! 4. and 6. Linked queries a second over gRPC, on SQLite, what they cost the server, and what memory it takes.

use crate::{
    asking::ask,
    deployment::{Deployment, SUBJECTS},
    median::nanoseconds,
    report::{Report, Unit},
    served::Served,
};
use std::time::Duration;

const CALLERS: [usize; 4] = [1, 16, 64, 256];
const WARMING: Duration = Duration::from_secs(1);
const LASTING: Duration = Duration::from_secs(6);

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let served = Served::start(Deployment::new()?)?;
    report.figure("memory at rest, empty", served.memory("VmRSS")?, Unit::Bytes);
    served.deployment.populate(&served.address)?;
    report.figure("memory at rest, loaded", served.memory("VmRSS")?, Unit::Bytes);
    for callers in CALLERS {
        let token = served.token()?;
        runtime.block_on(ask(&served.address, &token, callers, WARMING))?;
        let before = served.cpu()?;
        let asked = runtime.block_on(ask(&served.address, &token, callers, LASTING))?;
        let cpu = nanoseconds(served.cpu()?.saturating_sub(before)) / asked.answers.len() as f64;
        report.figure(format!("{callers} callers: linked queries"), asked.rate(), Unit::PerSecond);
        report.figure(format!("{callers} callers: p50"), asked.percentile(0.5), Unit::Nanoseconds);
        report.figure(format!("{callers} callers: p99"), asked.percentile(0.99), Unit::Nanoseconds);
        report.figure(format!("{callers} callers: server's CPU a query"), cpu, Unit::Nanoseconds);
        report.figure(format!("{callers} callers: memory"), served.memory("VmRSS")?, Unit::Bytes);
    }
    report.figure("memory at most", served.memory("VmHWM")?, Unit::Bytes);
    report.note(format!(
        "`disownctl serve` with a clinician's question for nine fields of three datasets over {SUBJECTS} subjects, each of whom has \
         every record type that is asked for (an answer that lacks one would wait for its slot). The callers share this \
         machine with the server."
    ));
    Ok(())
}
