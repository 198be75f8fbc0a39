//! Libraries in C that stand between the broker and the system.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What `LD_PRELOAD` takes.
pub(super) fn compiled(source: &str, folder: &Path) -> PathBuf {
    let (file, library) = (folder.join("preloaded.c"), folder.join("preloaded.so"));
    fs::write(&file, source).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&file).arg("-ldl");
    assert!(cc.status().unwrap().success());
    library
}
