//! Files that commands write.

use anyhow::Context;
use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A file to write what a broker answers to. It is opened before the broker is asked: what cannot be written must not have been
/// spent. It is readable by its owner only.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: File,
    appends: bool,
}

impl Output {
    /// A file that is added to.
    pub(super) fn append(path: &Path) -> anyhow::Result<Self> {
        Self::open(path, true)
    }

    /// A file whose content is replaced, by what is written and not before.
    pub(super) fn replace(path: &Path) -> anyhow::Result<Self> {
        Self::open(path, false)
    }

    fn open(path: &Path, appends: bool) -> anyhow::Result<Self> {
        let at = || path.display().to_string();
        let mut options = OpenOptions::new();
        options.create(true).mode(0o600).append(appends).write(!appends).truncate(false);
        let file = options.open(path).with_context(at)?;
        let found = file.metadata().with_context(at)?;
        if found.is_file() && found.permissions().mode() & 0o077 != 0 {
            anyhow::bail!(
                "{}: others than its owner may use this file; `chmod 600` it, or name another",
                path.display()
            );
        }
        Ok(Self { path: path.to_owned(), file, appends })
    }

    /// Writes all of it, down to the disk.
    pub(super) fn write(mut self, content: &[u8]) -> anyhow::Result<()> {
        self.written(content).with_context(|| format!("{}: not written, or in part only", self.path.display()))
    }

    fn written(&mut self, content: &[u8]) -> std::io::Result<()> {
        // What is no file, a pipe for one, has neither a length nor a disk.
        let on_disk = self.file.metadata()?.is_file();
        if on_disk && !self.appends {
            self.file.set_len(0)?;
        }
        self.file.write_all(content)?;
        if on_disk { self.file.sync_all() } else { Ok(()) }
    }
}
