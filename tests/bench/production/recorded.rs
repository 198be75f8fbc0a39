//! Whether answers were recorded: a peer that left it out would win.

use crate::cluster::{KEEPER, Server};
use anyhow::ensure;
use std::{
    fs::{self, OpenOptions},
    path::PathBuf,
};

/// Where a contender records what it answers.
pub enum Recorded {
    InTable,
    /// The one that pgaudit writes to.
    InFile(PathBuf),
    Nowhere,
}

impl Recorded {
    /// Each turn begins with nothing recorded, and with nothing of an earlier one left to write.
    pub fn clear(&self, server: &Server<'_>) -> anyhow::Result<()> {
        server.query(KEEPER, "TRUNCATE audit")?;
        server.query(KEEPER, "CHECKPOINT")?;
        if let Self::InFile(file) = self {
            // The server goes on at its end, wherever that is.
            OpenOptions::new().write(true).truncate(true).open(file)?;
        }
        Ok(())
    }

    /// One entry each answer, at least: the last callers may have missed their answers.
    pub fn ensure(&self, server: &Server<'_>, answers: usize) -> anyhow::Result<()> {
        let entries = match self {
            Self::InTable => server.query(KEEPER, "SELECT count(*) FROM audit")?.parse()?,
            Self::InFile(file) => fs::read_to_string(file)?.matches("AUDIT: SESSION").count(),
            Self::Nowhere => return Ok(()),
        };
        ensure!(entries >= answers, "{answers} answers and only {entries} entries of them");
        Ok(())
    }
}
