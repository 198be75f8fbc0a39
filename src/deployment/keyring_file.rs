//! The keyring's file, replaced as a whole.

use std::{
    io::{self, Write},
    path::Path,
};

/// Writes a keyring over the one that is there. A crash leaves the old one or the new one.
pub fn replace(path: &Path, sealed: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Beside it, readable by the owner only, and moved over it.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(sealed.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}
