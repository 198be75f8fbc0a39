//! Where a secret comes from: the key-encryption key, a password.

use super::InvalidConfig;
use crate::pseudonym::KeyEncryptionKey;
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use zeroize::Zeroizing;

/// Where a secret is.
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
    pub fn get(&self) -> Result<KeyEncryptionKey, InvalidConfig> {
        Ok(KeyEncryptionKey::parse(&self.text().map_err(InvalidConfig::KeySource)?)?)
    }

    /// Gets the text.
    #[expect(clippy::disallowed_methods, reason = "the one place where a secret may come from the environment")]
    pub(super) fn text(&self) -> Result<Zeroizing<String>, String> {
        let text = match self {
            KeySource::Env(name) => std::env::var(name).map_err(|_| format!("the environment has no `{name}`"))?,
            KeySource::File(path) => {
                fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
            }
            KeySource::Command(words) => {
                let (program, arguments) = words.split_first().ok_or("the command is empty")?;
                let output =
                    Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
                if !output.status.success() {
                    return Err(format!("{program} ended with {}", output.status));
                }
                String::from_utf8(output.stdout).map_err(|_| format!("{program} printed no text"))?
            }
        };
        Ok(Zeroizing::new(text))
    }
}
