//! The files that are written to are the files that are there.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

/// Which file was opened. One that was removed takes reads, writes and syncs as before, until the process ends and all of it is gone.
#[derive(Debug)]
pub struct FileIdentity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// Of the file that is there now.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    /// Its length in bytes, if it is still there and no other is in its place.
    pub fn length(&self) -> Option<u64> {
        let found = fs::metadata(&self.path).ok()?;
        ((found.dev(), found.ino()) == (self.device, self.inode)).then_some(found.len())
    }
}

/// That no other broker uses a folder of databases. It ends with the process, however that ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: OwnedFd,
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotLocked {
    /// It is not there, or takes no writes.
    #[error("{path}: {source}; is its disk mounted, and is `data` in the configuration right?")]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{0}: another broker uses the databases in this folder; it has to end first")]
    InUse(PathBuf),
}

impl FolderLock {
    /// Takes the folder for this process.
    pub fn take(folder: &Path) -> Result<Self, NotLocked> {
        let failed = |source| NotLocked::Folder { path: folder.to_owned(), source };
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).append(true).mode(0o600).open(folder.join("lock")).map_err(failed)?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file.into() }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(NotLocked::InUse(folder.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }
}
