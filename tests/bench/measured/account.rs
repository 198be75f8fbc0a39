//! Who the servers run as: PostgreSQL refuses to be root, and what was fetched has no need to be.

use anyhow::{Context, ensure};
use std::{
    os::unix::fs::chown,
    path::Path,
    process::{Command, Stdio},
};

/// The account that PostgreSQL's packages make.
const NAME: &str = "postgres";

pub enum Account {
    /// Whoever runs this, who is not root.
    Own,
    Other {
        user: u32,
        group: u32,
    },
}

impl Account {
    pub fn find() -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().context("setpriv (util-linux)")?;
        Ok(Self::Other { user: id("--user")?, group: id("--group")? })
    }

    /// A program that runs as this account, with nothing of where it was started.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Other { user, group } => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
                // An end of this program that drops no guard ends them too.
                command.arg("--pdeathsig=INT").arg(program);
                command
            }
        };
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Makes a folder this account's own.
    pub fn give(&self, folder: &Path) -> anyhow::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { user, group } => Ok(chown(folder, Some(*user), Some(*group))?),
        }
    }
}

fn id(which: &str) -> anyhow::Result<u32> {
    let told = Command::new("id").args([which, NAME]).output().context("id")?;
    ensure!(told.status.success(), "PostgreSQL does not run as root, and there is no account `{NAME}`");
    Ok(String::from_utf8(told.stdout)?.trim().parse()?)
}
