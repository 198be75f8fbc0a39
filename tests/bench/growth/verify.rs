//! `disownctl log verify`, a process of its own, by its own processor time and by the clock.

use crate::{
    deployment::Deployment,
    measured::{child::Guard, deployed::PROGRAM, process::Process},
    options::Options,
    report::{Goal, Report, Unit},
};
use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use std::{
    fs,
    io::Read,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

const LEAST: Goal = Goal::AtLeast(300_000.0);
const LOOKING: Duration = Duration::from_millis(20);
/// The system counts processor time in hundredths of a second.
const MEASURABLE: Duration = Duration::from_millis(100);

pub fn measure(deployment: &Deployment, entries: u64, _: &Options, report: &mut Report) -> anyhow::Result<()> {
    let server = deployment.server()?;
    let mut command = Command::new(PROGRAM);
    command.args(["log", "verify", "--json", "--config"]).arg(deployment.laid_out().path("disown.toml"));
    command.arg("--key").arg(deployment.laid_out().path("log.vkey")).stdin(Stdio::null()).stdout(Stdio::piped());
    let (before, start) = (server.process().cpu()?.used, Instant::now());
    let mut verify = Guard::new(command.spawn()?, Signal::TERM);
    let id = Pid::from_raw(verify.child.id().cast_signed()).context("no process id")?;
    // The account of a process is there until it was waited for.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let mut memory = 0.0;
    while waitid(WaitId::Pid(id), ended)?.is_none() {
        memory = most_memory(verify.child.id()).unwrap_or(memory);
        sleep(LOOKING);
    }
    let took = start.elapsed();
    let cpu = Process::alone("verify", verify.child.id()).cpu()?.used;
    let served = server.process().cpu()?.used.saturating_sub(before);
    let mut told = String::new();
    verify.child.stdout.take().context("a child without output")?.read_to_string(&mut told)?;
    ensure!(verify.child.wait()?.success(), "the log does not verify: {told}");
    let told: serde_json::Value = serde_json::from_str(&told)?;
    let number = |name: &str| told[name].as_f64().with_context(|| format!("no `{name}` in {told}"));
    let (hashed, signed) = (number("entries")?, number("checkpoints")?);
    ensure!(hashed >= entries as f64, "{hashed} entries of {entries} are verified");
    let what = format!("{entries} entries");
    // Of a small log it is too short to be told.
    if cpu >= MEASURABLE {
        report.figure_with_goal(
            format!("{what}, in a second of a core"),
            hashed / cpu.as_secs_f64(),
            Unit::PerSecond,
            LEAST,
        );
    }
    report.figure(format!("{what}, in a second"), hashed / took.as_secs_f64(), Unit::PerSecond);
    report.figure(format!("{what}: the server's CPU an entry"), served.as_secs_f64() * 1e9 / hashed, Unit::Nanoseconds);
    report.figure(format!("{what} to a checkpoint"), hashed / signed, Unit::Count);
    report.figure(format!("{what}: memory at most"), memory, Unit::Bytes);
    Ok(())
}

/// Bytes; none where it has ended.
fn most_memory(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}
