//! pgbench as the callers, with prepared statements; times are from its own log of every transaction.

use crate::{
    child::Guard,
    cluster::{Cluster, DATABASE},
    process::Process,
    window::{Answer, Figures, WARMING, Window},
};
use anyhow::{Context, ensure};
use rustix::process::Signal;
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{ChildStderr, Command, Stdio},
    time::Duration,
};

/// It goes on for so long after the window: callers that stop one after the other are no load.
const MARGIN: Duration = Duration::from_secs(1);
/// As many as the load of other contenders has.
const THREADS: usize = 2;

/// Gives the figures and how many answers there were, in the window and out of it.
pub fn drive(
    cluster: &Cluster,
    server: Process,
    (user, script): (&str, &Path),
    callers: usize,
    lasting: Duration,
) -> anyhow::Result<(Figures, usize)> {
    let log = tempfile::tempdir_in(cluster.path(""))?;
    let mut command = cluster.client("pgbench", user)?;
    command.args(["--no-vacuum", "--protocol=prepared", "--log"]).arg("--log-prefix").arg(log.path().join("log"));
    command.arg(format!("--client={callers}")).arg(format!("--jobs={}", callers.min(THREADS)));
    command.arg(format!("--progress={}", WARMING.as_secs()));
    command.arg(format!("--time={}", (WARMING + lasting + MARGIN).as_secs()));
    command.arg("--file").arg(script).arg(DATABASE);
    let mut pgbench = run(&mut command)?;
    let mut told = BufReader::new(pgbench.child.stderr.take().context("a child without output")?);
    wait_until_warm(&mut told)?;
    let window = Window::watch(&[server, Process::alone("pgbench", pgbench.child.id())], lasting)?;
    ensure!(pgbench.child.try_wait()?.is_none(), "pgbench ended too early");
    let mut rest = String::new();
    told.read_to_string(&mut rest)?;
    ensure!(pgbench.child.wait()?.success(), "pgbench: {}", rest.trim());
    let answers = answers(log.path())?;
    Ok((window.figures(&answers)?, answers.len()))
}

fn run(command: &mut Command) -> anyhow::Result<Guard> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    Ok(Guard::new(child, Signal::TERM))
}

/// It counts from when every caller is connected, and says first how it goes when that is so long ago as was asked for.
fn wait_until_warm(told: &mut BufReader<ChildStderr>) -> anyhow::Result<()> {
    let mut before = String::new();
    loop {
        let mut line = String::new();
        ensure!(told.read_line(&mut line)? > 0, "pgbench ended: {}", before.trim());
        if line.starts_with("progress:") {
            return Ok(());
        }
        before.push_str(&line);
    }
}

/// Each of its threads writes a file.
fn answers(folder: &Path) -> anyhow::Result<Vec<Answer>> {
    let files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    let mut answers = Vec::new();
    for file in files {
        for line in fs::read_to_string(file)?.lines() {
            answers.push(answer(line).with_context(|| format!("pgbench's log has a line `{line}`"))?);
        }
    }
    Ok(answers)
}

/// Client, transaction, microseconds it took, script, and when it was done, in seconds and microseconds.
fn answer(line: &str) -> Option<Answer> {
    let mut columns = line.split(' ').skip(2);
    let took = Duration::from_micros(columns.next()?.parse().ok()?);
    let seconds = Duration::from_secs(columns.nth(1)?.parse().ok()?);
    let at = seconds + Duration::from_micros(columns.next()?.parse().ok()?);
    Some(Answer { at, took })
}
