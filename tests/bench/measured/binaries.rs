//! Where PostgreSQL is installed.

use anyhow::{Context, ensure};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Debian keeps the servers of several versions side by side, and off the PATH.
const VERSIONS: &str = "/usr/lib/postgresql";

pub struct Binaries {
    programs: PathBuf,
    modules: PathBuf,
}

impl Binaries {
    /// What `pg_config` names if a server is there, or else the newest version of Debian's.
    pub fn find() -> anyhow::Result<Self> {
        let debian = fs::read_dir(VERSIONS).into_iter().flatten().flatten().map(|version| version.path());
        let mut debian: Vec<PathBuf> = debian.collect();
        debian.sort_by_key(|version| version.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
        let debian = debian.into_iter().rev().map(|version| version.join("bin/pg_config").into_os_string());
        std::iter::once(OsString::from("pg_config"))
            .chain(debian)
            .filter_map(|pg_config| {
                let told = |option| told(&pg_config, option);
                Some(Self { programs: told("--bindir")?, modules: told("--pkglibdir")? })
            })
            .find(|binaries| binaries.program("initdb").is_ok())
            .context("no PostgreSQL server is installed")
    }

    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        existing(self.programs.join(name))
    }

    pub fn module(&self, name: &str) -> anyhow::Result<PathBuf> {
        existing(self.modules.join(name).with_extension("so"))
    }
}

fn told(pg_config: &OsString, option: &str) -> Option<PathBuf> {
    let told = Command::new(pg_config).arg(option).output().ok().filter(|told| told.status.success())?;
    Some(Path::new(String::from_utf8(told.stdout).ok()?.trim()).to_owned())
}

fn existing(path: PathBuf) -> anyhow::Result<PathBuf> {
    ensure!(path.exists(), "{} is not installed", path.file_name().unwrap_or_default().display());
    Ok(path)
}
