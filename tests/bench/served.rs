//! The real binary, `disownctl serve`, in a process of its own, and what the system says of that process.

use crate::{
    asking::{channels, terms, with_token},
    deployment::{CLINICIAN, Deployment},
};
use anyhow::{Context, ensure};
use disown::pb::{self, access_service_client::AccessServiceClient};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// A broker that serves. It ends with its guard.
pub struct Served {
    pub deployment: Deployment,
    pub address: String,
    child: Child,
    // Kept open: a broker that writes to it must not be ended by that.
    _out: BufReader<ChildStdout>,
}

impl Served {
    pub fn start(deployment: Deployment) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disownctl"));
        command.args(["serve", "--development", "--config"]).arg(deployment.path("disown.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(deployment.path("telemetry"))?);
        let mut child = command.spawn()?;
        let mut out = BufReader::new(child.stdout.take().context("a child without output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("listening on ").map(str::to_owned) else {
            let _ = child.kill();
            let _ = child.wait();
            anyhow::bail!("the broker did not start: {}", fs::read_to_string(deployment.path("telemetry"))?);
        };
        Ok(Self { deployment, address, child, _out: out })
    }

    pub fn token(&self) -> anyhow::Result<String> {
        self.deployment.token(&CLINICIAN)
    }

    /// Processor time so far, of all threads.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        // In hundredths of a second, whatever the kernel counts in (proc(5)). The name before them may hold blanks.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, rest) = stat.rsplit_once(") ").context("/proc/PID/stat reads otherwise")?;
        let ticks: Vec<u64> = rest.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        ensure!(ticks.len() == 2, "/proc/PID/stat is too short");
        Ok(Duration::from_millis(10 * ticks.iter().sum::<u64>()))
    }

    /// Bytes in memory: `VmRSS` now, `VmHWM` at most so far.
    pub fn memory(&self, key: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let kibibytes: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no such line")?.parse()?;
        Ok(kibibytes * 1024.0)
    }

    /// Has the policy read anew, and gives when that was asked for and when the new one was in force.
    pub async fn reload(&self) -> anyhow::Result<(Instant, Instant)> {
        let channel = channels(&self.address, 1).await?.into_iter().next().context("no connection")?;
        let (mut client, token) = (AccessServiceClient::new(channel), self.token()?);
        let mut version = async || {
            let request = pb::DescribeAccessRequest { terms: Some(terms()) };
            anyhow::Ok(client.describe_access(with_token(&token, request)?).await?.into_inner().policy_version)
        };
        let before = version().await?;
        let start = Instant::now();
        kill_process(self.id()?, Signal::HUP)?;
        while version().await? == before {
            ensure!(start.elapsed() < Duration::from_secs(60), "no new policy came into force within a minute");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok((start, Instant::now()))
    }

    fn id(&self) -> anyhow::Result<Pid> {
        Pid::from_raw(i32::try_from(self.child.id())?).context("no process id")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
