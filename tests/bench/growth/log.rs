//! An access log that grows, and what is done with it at each size.

use crate::{
    deployment::Deployment,
    linked::{CALLERS, Linked, MOST},
    measured::subjects::Subjects,
    options::Options,
    proofs, records,
    report::{Report, Unit},
    restart, verify,
};

/// As few as make the access log all that grows.
const SUBJECTS: Subjects = Subjects { first: 0, count: 10_000 };

pub fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let deployment = Deployment::new()?;
    if options.asks_for("entries") {
        eprintln!("filling: {} subjects", SUBJECTS.count);
        deployment.fill(|parts| Box::pin(records::put_in(parts, SUBJECTS, 0..SUBJECTS.count)))?;
    }
    let mut first = None;
    for entries in options.entries.iter().copied() {
        eprintln!("filling: {entries} entries");
        deployment.fill(|parts| Box::pin(crate::entries::put_in(parts, entries)))?;
        eprintln!("measuring: {entries} entries");
        let _turn = options.turn()?;
        for (step, measure) in [
            ("restart", restart::measure as fn(&Deployment, u64, &Options, &mut Report) -> anyhow::Result<()>),
            ("verify", verify::measure),
            // After it the whole log is in memory.
            ("proofs", proofs::measure),
        ] {
            if options.asks_for(step) {
                report.begin(step);
                measure(&deployment, entries, options, report)?;
            }
        }
        // Last, for it makes the log longer.
        if options.asks_for("entries") {
            report.begin("entries");
            deployment.tell_syncs(&format!("{entries} entries"), report)?;
            let linked = Linked::of(&deployment.serve(&[])?, SUBJECTS, CALLERS, options)?;
            linked.tell(&format!("{entries} entries"), report);
            match first {
                None => first = Some((entries, linked.rate)),
                Some((fewest, rate)) => {
                    let what = format!("{fewest} entries to {entries}");
                    report.figure_with_goal(what, rate / linked.rate, Unit::Times, MOST);
                }
            }
        }
    }
    Ok(())
}
