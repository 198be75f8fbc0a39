//! A policy as files: read whole, named by its content.

use crate::dataset::Catalogue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The texts of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFiles {
    /// `model.conf`, `catalogue.toml`, `roles.toml`, `red-lines.toml`, `approvers.toml` and the `*.csv`, by name.
    pub rules: BTreeMap<String, String>,
    /// Agreements and their cases, by file name: `x.toml`, `x.cases.toml`.
    pub agreements: BTreeMap<String, String>,
}

/// A policy folder that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadablePolicy {
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that has no meaning there: it may be a misspelt one, so it is not passed over.
    #[error(
        "{0}: a policy folder holds model.conf, catalogue.toml, roles.toml, red-lines.toml, approvers.toml, *.csv, README.md and agreements/"
    )]
    Unexpected(PathBuf),
}

const RULES: [&str; 5] = ["model.conf", "catalogue.toml", "roles.toml", "red-lines.toml", "approvers.toml"];

impl PolicyFiles {
    /// Reads a policy folder.
    pub fn read(folder: &Path) -> Result<Self, UnreadablePolicy> {
        let mut files = Self::default();
        for path in entries(folder)? {
            let name = file_name(&path);
            if RULES.contains(&name.as_str()) || name.ends_with(".csv") {
                files.rules.insert(name, read(&path)?);
            } else if name != "README.md" && name != "agreements" {
                return Err(UnreadablePolicy::Unexpected(path));
            }
        }
        for path in entries(&folder.join("agreements"))? {
            let name = file_name(&path);
            if !name.ends_with(".toml") {
                return Err(UnreadablePolicy::Unexpected(path));
            }
            files.agreements.insert(name, read(&path)?);
        }
        Ok(files)
    }

    /// A file that could hold a subject identifier: all of them are archived, whole and for ever. What stands there in other signs, as
    /// `\u004a`, is looked at too.
    pub(super) fn naming_subject(&self, catalogue: &Catalogue) -> Option<Named> {
        for (name, text) in self.rules.iter().chain(&self.agreements) {
            if catalogue.holds_identifier(name) {
                return Some(Named(None));
            }
            let read = || toml::from_str::<toml::Value>(text).is_ok_and(|value| is_in(&value, catalogue));
            if catalogue.holds_identifier(text) || (name.ends_with(".toml") && read()) {
                return Some(Named(Some(name.clone())));
            }
        }
        None
    }

    /// The name under which the archive has all of it.
    pub const ARCHIVED_AS: &str = "files";

    /// For the archive.
    pub(super) fn to_archive(&self) -> String {
        serde_json_canonicalizer::to_string(self).expect("maps of texts are JSON")
    }

    /// From the archive.
    pub(crate) fn from_archive(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The policy version: SHA-256 over name and text of every file but the agreements, which have versions of their own.
    pub fn version(&self) -> String {
        let mut hash = Sha256::new();
        for (name, text) in &self.rules {
            for part in [name, text] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        hex::encode(hash.finalize())
    }
}

/// Which file could hold a subject identifier; none: one whose name could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named(Option<String>);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(file) => f.write_str(file),
            None => f.write_str("the name of a file"),
        }
    }
}

fn is_in(value: &toml::Value, catalogue: &Catalogue) -> bool {
    match value {
        toml::Value::String(text) => catalogue.holds_identifier(text),
        toml::Value::Array(values) => values.iter().any(|value| is_in(value, catalogue)),
        toml::Value::Table(table) => {
            table.iter().any(|(key, value)| catalogue.holds_identifier(key) || is_in(value, catalogue))
        }
        _ => false,
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, UnreadablePolicy> {
    let failed = |source| UnreadablePolicy::Io { path: folder.to_owned(), source };
    let mut paths = fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(failed)?;
    // Editors leave hidden files behind; they are nobody's policy.
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, UnreadablePolicy> {
    fs::read_to_string(path).map_err(|source| UnreadablePolicy::Io { path: path.to_owned(), source })
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
