//! Watches that the files written to are the files that are there.

use crate::database::FileIdentity;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A database that could not be written to for good, and why. SQLite would not notice the first of these: a file that was removed
/// takes writes and syncs as before, until the process ends and all of it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Removed, or another file is in its place.
    #[error("the access log's file is gone or was replaced")]
    Gone,
    /// There is less of it than there was: what is written from here on stands behind a gap, and no start reads so far.
    #[error("the access log's file was cut short")]
    CutShort,
    /// The directory takes no writes.
    #[error("the access log's directory is read-only")]
    ReadOnly,
}

/// The identity of a database's files at the time they were opened, and how long they have become. Neither gets shorter while it is
/// open: nothing is vacuumed.
#[derive(Debug)]
pub(super) struct FileGuard {
    directory: PathBuf,
    files: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    file: FileIdentity,
    length: u64,
}

impl Watched {
    fn new(path: PathBuf) -> io::Result<Self> {
        let file = FileIdentity::of(&path)?;
        let length = file.length().ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { file, length })
    }

    fn check(&mut self) -> Result<(), FileFault> {
        let found = self.file.length().ok_or(FileFault::Gone)?;
        if found < self.length {
            return Err(FileFault::CutShort);
        }
        self.length = found;
        Ok(())
    }
}

impl FileGuard {
    /// Remembers a database and its write-ahead log, both of which must be there.
    pub(super) fn new(database: &Path) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let files =
            [database.to_owned(), PathBuf::from(log)].into_iter().map(Watched::new).collect::<io::Result<_>>()?;
        let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { directory: directory.to_owned(), files })
    }

    /// Checked before each write and after it.
    pub(super) fn check(&mut self) -> Result<(), FileFault> {
        for file in &mut self.files {
            file.check()?;
        }
        let directory = fs::metadata(&self.directory).map_err(|_| FileFault::Gone)?;
        // Both: the superuser passes an access check whatever the mode is, and a read-only mount shows in no mode.
        let refused = rustix::fs::access(&self.directory, rustix::fs::Access::WRITE_OK).is_err();
        if refused || directory.permissions().readonly() { Err(FileFault::ReadOnly) } else { Ok(()) }
    }
}
