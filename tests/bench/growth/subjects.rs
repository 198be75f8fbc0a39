//! Linked queries over more and more subjects: the questions are spread over all of them.

use crate::{
    deployment::Deployment,
    linked::{CALLERS, Linked, MOST},
    measured::subjects::Subjects,
    options::Options,
    records,
    report::{Report, Unit},
};

pub fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.begin("subjects");
    let deployment = Deployment::new()?;
    let (mut there, mut first) = (0, None);
    for count in options.subjects.iter().copied() {
        let subjects = Subjects { first: 0, count };
        eprintln!("filling: {count} subjects");
        deployment.fill(|parts| Box::pin(records::put_in(parts, subjects, there..count)))?;
        there = count;
        eprintln!("measuring: {count} subjects");
        let _turn = options.turn()?;
        deployment.tell_syncs(&format!("{count} subjects"), report)?;
        let linked = Linked::of(&deployment.serve(&[])?, subjects, CALLERS, options)?;
        linked.tell(&format!("{count} subjects"), report);
        match first {
            None => first = Some((count, linked.rate)),
            Some((fewest, rate)) => {
                let what = format!("{fewest} subjects to {count}");
                report.figure_with_goal(what, rate / linked.rate, Unit::Times, MOST);
            }
        }
    }
    report.note(format!("{CALLERS} callers, each subject with seven records in three datasets."));
    Ok(())
}
