//! Watches that the files written to are the files that are there.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A database that could not be written to for good, and why. SQLite would not notice the first of these: a file that was removed
/// takes writes and syncs as before, until the process ends and all of it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Removed, or another file is in its place.
    #[error("the access log's file is gone or was replaced")]
    Gone,
    /// The directory takes no writes.
    #[error("the access log's directory is read-only")]
    ReadOnly,
}

/// The identity of a database's files at the time they were opened.
#[derive(Debug)]
pub(super) struct FileGuard {
    directory: PathBuf,
    files: Vec<(PathBuf, u64, u64)>,
}

impl FileGuard {
    /// Remembers a database and its write-ahead log, both of which must be there.
    pub(super) fn new(database: &Path) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let files = [database.to_owned(), PathBuf::from(log)]
            .into_iter()
            .map(|path| fs::metadata(&path).map(|found| (path, found.dev(), found.ino())))
            .collect::<io::Result<_>>()?;
        let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { directory: directory.to_owned(), files })
    }

    /// Checked before each commit and after it.
    pub(super) fn check(&self) -> Result<(), FileFault> {
        for (path, device, inode) in &self.files {
            match fs::metadata(path) {
                Ok(found) if (found.dev(), found.ino()) == (*device, *inode) => {}
                _ => return Err(FileFault::Gone),
            }
        }
        let directory = fs::metadata(&self.directory).map_err(|_| FileFault::Gone)?;
        // Both: the superuser passes an access check whatever the mode is, and a read-only mount shows in no mode.
        let refused = rustix::fs::access(&self.directory, rustix::fs::Access::WRITE_OK).is_err();
        if refused || directory.permissions().readonly() { Err(FileFault::ReadOnly) } else { Ok(()) }
    }
}
