//! How many syncs a disk does, and one whose every sync takes longer: a library put before libc's.

use anyhow::{Context, ensure};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// 4 KiB written and synced, again and again.
pub fn a_second(folder: &Path, lasting: Duration) -> anyhow::Result<f64> {
    let mut file = File::create(folder.join("synced"))?;
    let (start, mut count) = (Instant::now(), 0.0);
    while start.elapsed() < lasting {
        file.rewind()?;
        file.write_all(&[0x55; 4096])?;
        file.sync_data()?;
        count += 1.0;
    }
    Ok(count / start.elapsed().as_secs_f64())
}

/// Compiles it.
pub fn compiled(folder: &Path) -> anyhow::Result<PathBuf> {
    let (source, library) = (folder.join("slow_sync.c"), folder.join("slow_sync.so"));
    fs::write(&source, include_str!("slow_sync.c"))?;
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    ensure!(cc.status().context("a C compiler is needed for the slow disk: cc")?.success(), "cc failed");
    Ok(library)
}

/// The variables of a process whose syncs take so many milliseconds longer.
pub fn environment<'a>(library: &'a Path, milliseconds: &'a str) -> [(&'static str, &'a OsStr); 2] {
    [("LD_PRELOAD", library.as_os_str()), ("SLOW_SYNC_MS", OsStr::new(milliseconds))]
}
