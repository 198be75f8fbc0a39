//! Where the key-encryption key comes from.

use super::InvalidConfig;
use crate::pseudonym::KeyEncryptionKey;
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use zeroize::Zeroizing;

/// Where the key-encryption key is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// An environment variable of that name.
    Env(String),
    /// A file.
    File(PathBuf),
    /// What a command prints.
    Command(Vec<String>),
}

impl KeySource {
    /// Paths are relative to the configuration.
    pub(super) fn beside(self, base: &Path) -> Self {
        match self {
            KeySource::File(file) => KeySource::File(base.join(file)),
            other => other,
        }
    }

    /// Gets the key.
    #[expect(clippy::disallowed_methods, reason = "the one place where a key may come from the environment")]
    pub fn get(&self) -> Result<KeyEncryptionKey, InvalidConfig> {
        let failed = |what: String| InvalidConfig::KeySource(what);
        let text = match self {
            KeySource::Env(name) => {
                std::env::var(name).map_err(|_| failed(format!("the environment has no `{name}`")))?
            }
            KeySource::File(path) => {
                fs::read_to_string(path).map_err(|error| failed(format!("{}: {error}", path.display())))?
            }
            KeySource::Command(words) => {
                let (program, arguments) =
                    words.split_first().ok_or_else(|| failed("the command is empty".to_owned()))?;
                let output = Command::new(program)
                    .args(arguments)
                    .output()
                    .map_err(|error| failed(format!("{program}: {error}")))?;
                if !output.status.success() {
                    return Err(failed(format!("{program} ended with {}", output.status)));
                }
                String::from_utf8(output.stdout).map_err(|_| failed(format!("{program} printed no text")))?
            }
        };
        Ok(KeyEncryptionKey::parse(&Zeroizing::new(text))?)
    }
}
