//! Processor time of processes, from the system's own account of them.

use anyhow::{Context, ensure};
use std::{fs, time::Duration};

/// A process whose work is told under a name.
pub struct Process {
    name: &'static str,
    id: u32,
    reach: Reach,
}

enum Reach {
    Alone,
    WithChildren,
    Machine,
}

/// Processor time of one name.
pub struct Cpu {
    pub name: &'static str,
    pub used: Duration,
}

impl Process {
    pub fn alone(name: &'static str, id: u32) -> Self {
        Self { name, id, reach: Reach::Alone }
    }

    pub fn with_children(name: &'static str, id: u32) -> Self {
        Self { name, id, reach: Reach::WithChildren }
    }

    /// This one: where the callers are tasks of this program.
    pub fn this(name: &'static str) -> Self {
        Self::alone(name, std::process::id())
    }

    /// All that run, whoever started them: what is measured should be most of it.
    pub fn all(name: &'static str) -> Self {
        Self { name, id: 0, reach: Reach::Machine }
    }

    /// So far.
    pub fn cpu(&self) -> anyhow::Result<Cpu> {
        let used = match self.reach {
            Reach::Alone => own(self.id)?.itself,
            Reach::WithChildren => tree(self.id)?,
            Reach::Machine => machine()?,
        };
        Ok(Cpu { name: self.name, used })
    }
}

/// Children first: one that ends meanwhile is in its parent's account by the time that is read.
fn tree(id: u32) -> anyhow::Result<Duration> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    let children = children.split_whitespace().filter_map(|child| tree(child.parse().ok()?).ok());
    let living: Duration = children.sum();
    let Own { itself, ended_children } = own(id)?;
    Ok(living + itself + ended_children)
}

fn machine() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let ticks = stat.lines().next().context("/proc/stat reads otherwise")?.split_whitespace().skip(1);
    let ticks: Vec<u64> = ticks.map(str::parse).collect::<Result<_, _>>()?;
    ensure!(ticks.len() >= 8, "/proc/stat is too short");
    // All but those in which nothing ran, or waited for a disk.
    let busy: u64 = ticks[..3].iter().chain(&ticks[5..8]).sum();
    Ok(Duration::from_millis(10 * busy))
}

struct Own {
    itself: Duration,
    ended_children: Duration,
}

fn own(id: u32) -> anyhow::Result<Own> {
    // In hundredths of a second, whatever the kernel counts in (proc(5)). The name before them may hold blanks.
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("/proc/PID/stat reads otherwise")?;
    let ticks: Vec<u64> = rest.split(' ').skip(11).take(4).map(str::parse).collect::<Result<_, _>>()?;
    ensure!(ticks.len() == 4, "/proc/PID/stat is too short");
    let of = |two: &[u64]| Duration::from_millis(10 * two.iter().sum::<u64>());
    Ok(Own { itself: of(&ticks[..2]), ended_children: of(&ticks[2..]) })
}
